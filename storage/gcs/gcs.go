// Package gcs reads models from Google Cloud Storage. Of its JSON interface two
// requests are needed; the library of Google brings gRPC and more along, which
// would double the size of the program.
package gcs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/oauth2"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/bucket"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// Open is the store of gs://bucket/path, as the environment has it.
func Open(ctx context.Context, uri string, a access.Access) (transfer.Store, error) {
	_, location, _ := strings.Cut(uri, "://")
	return New(ctx, FromEnvironment(a), location, a.Client)
}

// New is the store of "bucket/path".
func New(ctx context.Context, c Config, location string, base *http.Client) (transfer.Store, error) {
	name, path, err := bucket.Split(location)
	if err != nil {
		return nil, err
	}
	client, known, err := c.client(ctx, base)
	if err != nil {
		return nil, err
	}
	endpoint := service
	if c.Endpoint != "" {
		endpoint = strings.TrimRight(c.Endpoint, "/")
	}
	s := &store{bucket: name, endpoint: endpoint, client: client, known: known, billing: c.Billing}
	return bucket.Folder{Bucket: s, Path: path}, nil
}

type store struct {
	bucket, endpoint, billing string
	client                    *http.Client
	// known is false for anonymous requests.
	known bool
}

// resource is what the service says of an object.
type resource struct {
	Name       string `json:"name"`
	Size       string `json:"size"`
	Generation string `json:"generation"`
	ETag       string `json:"etag"`
	MD5        string `json:"md5Hash"`
	CRC32C     string `json:"crc32c"`
}

func (r resource) object() (transfer.Object, error) {
	size, err := strconv.ParseInt(r.Size, 10, 64)
	if err != nil {
		return transfer.Object{}, fmt.Errorf("the server gives %s no size", r.Name)
	}
	version := r.Generation
	if version == "" {
		version = r.ETag
	}
	sums := append(transfer.Base64Sum(transfer.CRC32C, r.CRC32C), transfer.Base64Sum(transfer.MD5, r.MD5)...)
	return transfer.Object{Key: r.Name, Size: size, Version: version, Sums: sums}, nil
}

const fields = "name,size,generation,etag,md5Hash,crc32c"

// Each lists.
func (s *store) Each(ctx context.Context, prefix string, found func(transfer.Object) error) error {
	query := url.Values{"prefix": {prefix}, "maxResults": {"1000"}, "fields": {"nextPageToken,items(" + fields + ")"}}
	for {
		var page struct {
			Items []resource `json:"items"`
			Next  string     `json:"nextPageToken"`
		}
		if err := s.ask(ctx, "/o", query, &page); err != nil {
			return err
		}
		for _, r := range page.Items {
			o, err := r.object()
			if err == nil {
				err = found(o)
			}
			if err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Set("pageToken", page.Next)
	}
}

// Folders lists folders alone.
func (s *store) Folders(ctx context.Context, prefix string, found func(key string) error) error {
	query := url.Values{"prefix": {prefix}, "delimiter": {"/"}, "maxResults": {"1000"}, "fields": {"nextPageToken,prefixes"}}
	for {
		var page struct {
			Prefixes []string `json:"prefixes"`
			Next     string   `json:"nextPageToken"`
		}
		if err := s.ask(ctx, "/o", query, &page); err != nil {
			return err
		}
		for _, key := range page.Prefixes {
			if err := found(key); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		query.Set("pageToken", page.Next)
	}
}

// Stat describes an object.
func (s *store) Stat(ctx context.Context, key string) (transfer.Object, error) {
	var r resource
	if err := s.ask(ctx, "/o/"+url.PathEscape(key), url.Values{"fields": {fields}}, &r); err != nil {
		return transfer.Object{}, err
	}
	return r.object()
}

// Open reads.
func (s *store) Open(ctx context.Context, o *transfer.Object, offset, length int64) (*transfer.Body, error) {
	query := url.Values{"alt": {"media"}}
	if _, err := strconv.ParseInt(o.Version, 10, 64); err == nil {
		query.Set("generation", o.Version)
	}
	header := http.Header{}
	// What is stored compressed is to come as it is stored.
	header.Set("Accept-Encoding", "gzip")
	if offset > 0 || length != o.Size {
		header.Set("Range", access.Range(offset, length))
	}
	r, err := s.get(ctx, "/o/"+url.PathEscape(o.Key), query, header) //nolint:bodyclose // the caller closes it
	if err != nil {
		return nil, err
	}
	return &transfer.Body{ReadCloser: r.Body}, nil
}

func (s *store) ask(ctx context.Context, path string, query url.Values, answer any) error {
	r, err := s.get(ctx, path, query, http.Header{})
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(answer); err != nil {
		return fmt.Errorf("reading the listing: %w", err)
	}
	return nil
}

func (s *store) get(ctx context.Context, path string, query url.Values, header http.Header) (*http.Response, error) {
	if s.billing != "" {
		query.Set("userProject", s.billing)
	}
	at := s.endpoint + "/storage/v1/b/" + url.PathEscape(s.bucket) + path + "?" + query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, transfer.Permanent(access.Failure(err))
	}
	request.Header = header
	r, err := s.client.Do(request)
	if err != nil {
		return nil, failure(err)
	}
	if r.StatusCode == http.StatusOK || r.StatusCode == http.StatusPartialContent {
		return r, nil
	}
	defer r.Body.Close()
	return nil, s.explain(r)
}

// failure is about a request that got no answer: from the store, or from the
// server of tokens before it.
func failure(err error) error {
	if errors.As(err, new(*oauth2.RetrieveError)) {
		return refused(err)
	}
	return access.Failure(err)
}

func (s *store) explain(r *http.Response) error {
	var answer struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&answer)
	reason := answer.Error.Message
	if !s.known && (r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden) {
		reason = "no credentials were found, and it is not public"
	}
	return access.Answered(r, reason)
}

// ID tells this bucket from others.
func (s *store) ID() string { return "gs " + s.endpoint + " " + s.bucket }
