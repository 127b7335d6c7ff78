"""The search for a penalty."""
