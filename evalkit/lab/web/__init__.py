"""The lab's pages: server-rendered, one stylesheet, small modules of script, nothing inline and nothing fetched.

Every page extends ``templates/base.html.j2``; what that offers and which components ``assets/lab.css`` has is written
at their tops. Scripts and styles are files in ``assets/`` and ``vendored/``.
"""
