"""Whole stacks in this process: what the commands print, what is drawn and rendered, what the policies say of them."""
