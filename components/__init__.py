"""How each part of the stack is built: reusable rooms that know nothing of the stack they serve."""
