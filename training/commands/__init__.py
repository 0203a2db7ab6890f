"""The workshop's commands (命令), one module each; heavy imports stay inside, so that ``--help`` is quick."""
