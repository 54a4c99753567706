package registry

import (
	"context"
	"net/http"
	"time"

	"github.com/prime-radiant/radiant/storage/transfer"
)

var _ transfer.Stateful = (*store)(nil)

// createdAnnotation is when an artifact was made, as the specification of OCI has it.
const createdAnnotation = "org.opencontainers.image.created"

// State is what the tag names now. The answer to a HEAD has the digest and no body.
func (s *store) State(ctx context.Context, last transfer.State) (transfer.State, error) {
	r, err := s.send(ctx, http.MethodHead, "/manifests/"+s.reference.Reference, manifestTypes())
	if err == nil {
		r.Body.Close()
		if digest := r.Header.Get("Docker-Content-Digest"); digest != "" && digest == last.Token {
			return last, nil
		}
	} else if !transfer.IsPermanent(err) {
		return transfer.State{}, err
	} // An answer with a body says why.
	a, err := s.artifact(ctx)
	if err != nil {
		return transfer.State{}, err
	}
	now := transfer.State{Token: a.digest, Mark: transfer.Signature(a.objects), Bytes: transfer.Total(a.objects)}
	if at, err := time.Parse(time.RFC3339, a.created); err == nil {
		now.Time = at
	}
	return now, nil
}
