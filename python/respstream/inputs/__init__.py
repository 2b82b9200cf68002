"""Sources of bytes: files, folders, globs, URLs and iterables."""
