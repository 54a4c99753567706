package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/prime-radiant/radiant/storage/transfer"
)

var _ transfer.Stateful = (*store)(nil)

// State asks for the first byte of the file unless it has the ETag of the last answer. It
// is no HEAD: a signed URL is often good for a GET alone.
func (s *store) State(ctx context.Context, last transfer.State) (transfer.State, error) {
	r, err := s.look(ctx, last.Token != "")
	if err != nil {
		return transfer.State{}, err
	}
	defer r.Body.Close()
	if r.StatusCode == http.StatusNotModified {
		return last, nil
	}
	if _, err := fileName(r); err != nil {
		return transfer.State{}, transfer.Permanent(err)
	}
	now := transfer.State{Bytes: size(r)}
	etag, modified := r.Header.Get("ETag"), r.Header.Get("Last-Modified")
	if version(r) != "" {
		now.Token = fmt.Sprintf("%s %d", etag, now.Bytes)
	} else if etag != "" || modified != "" {
		now.Token = fmt.Sprintf("%s %s %d", etag, modified, now.Bytes)
	}
	if now.Token == "" {
		return now, transfer.Permanent(errors.New("the server says neither an ETag nor when the file changed last (Last-Modified), so that a change cannot be seen"))
	}
	if at, err := http.ParseTime(modified); err == nil {
		now.Time = at
	}
	now.Mark, s.seen = now.Token, r.Header
	return now, nil
}

// size is that of the whole file; negative: the server does not say.
func size(r *http.Response) int64 {
	if r.StatusCode != http.StatusPartialContent {
		return r.ContentLength
	}
	_, total, _ := strings.Cut(r.Header.Get("Content-Range"), "/")
	if bytes, err := strconv.ParseInt(total, 10, 64); err == nil {
		return bytes
	}
	return -1
}

// look asks for what tells the state of the file. Without an ETag nothing can be asked on
// condition: If-Modified-Since takes a file that is older than the last one for the same,
// and somebody may have gone back.
func (s *store) look(ctx context.Context, again bool) (*http.Response, error) {
	header := http.Header{"Range": {"bytes=0-0"}}
	if again && s.seen != nil {
		if etag := s.seen.Get("ETag"); etag != "" {
			header.Set("If-None-Match", etag)
		} else if r, err := s.ask(ctx, http.MethodHead, http.Header{}); err == nil || !transfer.IsPermanent(err) {
			return r, err
		}
	}
	return s.ask(ctx, http.MethodGet, header)
}
