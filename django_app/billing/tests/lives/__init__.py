"""Random lives of the whole product: what test_lives.py lets happen, and what it asks of every
moment and of the end.
"""
