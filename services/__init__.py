"""One function for each act: it opens the transaction, asks for authority, calls the models and what is outside, and
returns a small result.

Every act that takes a `Scope` raises NotFoundError where there is no such plan, and RefusedError where the actor has no
authority for it; towards an assignment that the actor may not see, NotFoundError. Docstrings name what else is raised.
"""
