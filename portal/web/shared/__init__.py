"""What pages of many nouns are made of: fields, filters, lists, spans of days, work that runs apart."""
