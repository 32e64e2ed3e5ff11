"""The public edge: one catalogue of HTTP operations over the calls of the services.

Start reading at `app.py`; an operation is one entry in `operations/<group>.py`.
"""
