"""`python -m tests.golden`: write the golden files anew."""

from tests.golden.identity import STACKS, golden_file, identity

for stack in STACKS:
    golden_file(stack).write_text(identity(stack))
    print(f"wrote {golden_file(stack).name}")
