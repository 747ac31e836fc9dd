"""The service: what a champion answers, kept ready and told over HTTP; FastAPI and uvicorn live here, and only here.

`desk` keeps the answers, `pages` what a browser reads, `app` gives both an address, `guards` stand before it, `server`
listens. Must not know how a model is trained or judged.
"""
