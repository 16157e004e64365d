"""`python -m tests.golden`: write the golden files anew."""

import shutil

from infra.report.objects import write_files
from tests.golden.identity import golden_file, golden_tree, identity
from tests.shipped import STACKS, recording

for stack in STACKS:
    golden_file(stack).write_text(identity(stack))
    shutil.rmtree(golden_tree(stack), ignore_errors=True)
    files = write_files(recording(stack), golden_tree(stack))
    print(f"wrote {golden_file(stack).name} and {len(files)} files of {stack}")
