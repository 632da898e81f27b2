"""*Common*: the usual way to serve such a model, written for this comparison.

A FastAPI application; the question is a pydantic model, becomes a pandas DataFrame of one row, and is given to the
scikit-learn pipeline (imputer, scaler, forest of 300 trees) that was loaded at the start. The token is checked by PyJWT
at each request, with expiry, audience and issuer, and its user is looked up, so that a disabled one is refused. In its
favour: the handler runs in the event loop (handing it to a thread is slower), the forest uses one thread (more are
slower for one row), no access log is written, predictions are not logged, and nothing is counted. It answers from the
13 features, as its forest was trained; the optional fields are read and not used.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import jwt
import pandas as pd
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, create_model

from road_api.settings import SECRET_VARIABLE
from road_api.tokens import ALGORITHM, AUDIENCE, ISSUER
from road_assets.core.scene_fields import SCENE_FIELD_NAMES
from road_assets.core.vocabulary import FEATURE_NAMES
from road_assets_tests.benchmarks.serving.inputs import load_forest

LABELS: Final = ("not severe", "severe")

_FIELDS: dict[str, Any] = {
    **dict.fromkeys(FEATURE_NAMES, (float | None, ...)),
    **dict.fromkeys(SCENE_FIELD_NAMES, (float | None, None)),
}
Scene: type[BaseModel] = create_model("Scene", **_FIELDS)


def create_app(forest: Any, secret: str, users: frozenset[str]) -> FastAPI:
    """Put it together."""
    app = FastAPI()
    scheme = OAuth2PasswordBearer(tokenUrl="token")

    def current_user(token: Annotated[str, Depends(scheme)]) -> str:
        try:
            claims = jwt.decode(token, secret, algorithms=[ALGORITHM], audience=AUDIENCE, issuer=ISSUER)
        except jwt.InvalidTokenError as error:
            raise HTTPException(401, "the token is not valid") from error
        if claims["sub"] not in users:
            raise HTTPException(401, "the user was disabled")
        return str(claims["sub"])

    @app.post("/protected/predict")
    async def predict(scene: Scene, user: Annotated[str, Depends(current_user)]) -> dict[str, Any]:  # type: ignore[valid-type]
        frame = pd.DataFrame([scene.model_dump()])[list(FEATURE_NAMES)].astype(float)  # type: ignore[attr-defined]
        probability = float(forest.predict_proba(frame.to_numpy())[0, 1])
        severe = probability >= 0.5
        return {
            "user": user,
            "prediction": [int(severe)],
            "probability": probability,
            "confidence": max(probability, 1 - probability),
            "label": LABELS[severe],
        }

    return app


if __name__ == "__main__":
    port, folder, username = sys.argv[1:]
    uvicorn.run(
        create_app(load_forest(Path(folder)), os.environ[SECRET_VARIABLE], frozenset([username])),
        port=int(port),
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
