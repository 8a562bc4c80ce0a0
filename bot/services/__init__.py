"""What the program does, in plain Python: no Discord, no SQL, no Faiss, no API."""
