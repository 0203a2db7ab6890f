"""Commands of the training package (命令), one module each; heavy imports are local, so that ``--help`` is fast."""
