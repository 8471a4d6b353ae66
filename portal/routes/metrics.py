"""`/metrics` for Prometheus, to whoever has the token; without a token in the settings there is no such page."""

import secrets

from fastapi import APIRouter, Request, Response

from adapters.settings import settings
from services.monitoring.metrics import CONTENT_TYPE, exposition

router = APIRouter()


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request) -> Response:
    token = settings().metrics_token
    if token is None:
        return Response(status_code=404)
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not secrets.compare_digest(given.encode(), token.get_secret_value().encode()):
        return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
    return Response(exposition(), media_type=CONTENT_TYPE)
