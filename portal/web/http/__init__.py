"""What serves every page: who may see it, headers, errors, tokens, compression, static files, locks."""
