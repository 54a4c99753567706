"""seldon-core-microservice, with the annotation that lets it take large
messages over gRPC, which it looks for at a fixed place of its container."""

import tempfile

import seldon_core.flask_utils

with tempfile.NamedTemporaryFile("w", delete=False) as annotations:
    annotations.write('seldon.io/grpc-max-message-size="100000000"\n')
seldon_core.flask_utils.ANNOTATIONS_FILE = annotations.name

from seldon_core.microservice import main  # noqa: E402

main()
