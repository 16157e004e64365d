"""What a change of the settings or the program does to a stack: two previews held against each other. Pure, but for
`base`, which makes the preview of another revision.
"""
