"""The narrow waist: one Protocol a file, and the small frozen values that cross it. Imports nothing of ours."""
