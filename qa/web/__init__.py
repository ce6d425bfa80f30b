"""The web surface: chat pages, article pages and the HTTP API, in one FastAPI application.

``server`` builds and runs it; ``chat_page`` (Gradio) and ``api`` ask the same ``Bot``; ``render`` and ``article_page``
turn values into HTML and do no I/O; ``words`` holds every string that a visitor reads; ``guard`` is the outer wall.
"""
