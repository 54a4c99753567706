package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// moment is a time that a server tells; the zero value where it is none that can be read.
type moment struct{ time.Time }

// UnmarshalJSON implements [json.Unmarshaler].
func (m *moment) UnmarshalJSON(text []byte) error {
	if m.Time.UnmarshalJSON(text) != nil {
		m.Time = time.Time{}
	}
	return nil
}

// committed is what last changed a path, or a repository.
type committed struct {
	Date moment `json:"date"`
}

// since is from when on the path is what it is at a commit. That the repository changed
// beside it does not count, so that whoever begins to look later finds the same time; nor
// does what lastModified may be of, which is another branch of it.
func (s *store) since(ctx context.Context, at revision) (time.Time, error) {
	last, err := s.lastCommit(ctx, at.Commit)
	if isUnknown(err) {
		last, err = moment{}, nil
	}
	if last.IsZero() {
		last = at.Modified
	}
	return last.Time, err
}

// isUnknown reports whether a server does not know a question: another try would not help.
func isUnknown(err error) bool {
	return transfer.IsPermanent(err) || errors.As(err, new(*json.SyntaxError)) || errors.As(err, new(*json.UnmarshalTypeError))
}

// lastCommit is when the path changed last, of the commits up to one.
func (s *store) lastCommit(ctx context.Context, commit string) (moment, error) {
	model := s.endpoint + "/api/models/" + s.repo.ID
	if s.repo.Path == "" {
		var all []committed
		if _, err := s.ask(ctx, model+"/commits/"+commit+"?limit=1", &all); err != nil || len(all) == 0 {
			return moment{}, err
		}
		return all[0].Date, nil
	}
	body, err := json.Marshal(map[string]any{"paths": []string{s.repo.Path}, "expand": true})
	if err != nil {
		return moment{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, model+"/paths-info/"+commit, bytes.NewReader(body))
	if err != nil {
		return moment{}, transfer.Permanent(access.Failure(err))
	}
	request.Header.Set("Content-Type", "application/json")
	var all []struct {
		Path string    `json:"path"`
		Last committed `json:"lastCommit"`
	}
	_, err = s.read(request, &all)
	if err == nil && len(all) != 1 {
		return moment{}, nil
	}
	if err != nil {
		return moment{}, err
	}
	return all[0].Last.Date, nil
}
