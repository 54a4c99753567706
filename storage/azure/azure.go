// Package azure reads models from Azure Blob Storage. Of its interface three
// requests are needed; the library of Azure brings Arrow along, which would
// add a third to the size of the program. Identities come from the library.
package azure

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/bucket"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// version of the interface, of the header x-ms-version.
const version = "2021-12-02"

// Open is the store of azblob://container/path, as the environment has it.
func Open(ctx context.Context, uri string, a access.Access) (transfer.Store, error) {
	c, err := FromEnvironment(a)
	if err != nil {
		return nil, err
	}
	_, location, _ := strings.Cut(uri, "://")
	return New(ctx, c, location, a.Client)
}

// Hosted reports whether a URL is one of Azure's blobs.
func Hosted(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && strings.Contains(u.Hostname(), ".blob.") &&
		(strings.HasSuffix(u.Hostname(), "."+domain) || strings.HasSuffix(u.Hostname(), ".blob.core.usgovcloudapi.net") ||
			strings.HasSuffix(u.Hostname(), ".blob.core.chinacloudapi.cn"))
}

// OpenURL is the store of https://ACCOUNT.blob.core.windows.net/container/path,
// with a shared access signature behind it or without. What the environment
// says of another account is left out.
func OpenURL(ctx context.Context, uri string, a access.Access) (transfer.Store, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return nil, transfer.Permanent(errors.New("the URI is malformed"))
	}
	c, err := FromEnvironment(a)
	if err != nil {
		return nil, err
	}
	account, _, _ := strings.Cut(u.Hostname(), ".")
	if c.Account != "" && c.Account != account {
		c.Key, c.SAS = "", ""
	}
	c.Account, c.Endpoint = account, "https://"+u.Host
	if u.RawQuery != "" {
		c.Key, c.SAS = "", u.RawQuery
	}
	return New(ctx, c, strings.TrimPrefix(u.Path, "/"), a.Client)
}

// New is the store of "container/path".
func New(ctx context.Context, c Config, location string, client *http.Client) (transfer.Store, error) {
	name, path, err := bucket.Split(location)
	if err != nil {
		return nil, err
	}
	if c.Endpoint == "" {
		if c.Account == "" {
			return nil, transfer.Permanent(errors.New("no storage account is named: set AZURE_STORAGE_ACCOUNT, or write https://ACCOUNT." + domain + "/CONTAINER/PATH"))
		}
		c.Endpoint = "https://" + c.Account + "." + domain
	}
	endpoint, err := url.Parse(strings.TrimRight(c.Endpoint, "/"))
	if err != nil || endpoint.Host == "" {
		return nil, transfer.Permanent(errors.New("the endpoint of Azure is no URL"))
	}
	sign, known, err := c.signer(ctx, client)
	if err != nil {
		return nil, err
	}
	s := &store{container: endpoint.JoinPath(name), sign: sign, known: known, client: client}
	return bucket.Folder{Bucket: s, Path: path}, nil
}

type store struct {
	container *url.URL
	sign      signer
	// known is false for anonymous requests.
	known  bool
	client *http.Client
}

// page is a part of a listing.
type page struct {
	Blobs []struct {
		Name       string `xml:"Name"`
		Properties struct {
			Size int64  `xml:"Content-Length"`
			ETag string `xml:"Etag"`
			MD5  string `xml:"Content-MD5"`
			Type string `xml:"ResourceType"`
		} `xml:"Properties"`
		Folder string `xml:"Metadata>hdi_isfolder"`
	} `xml:"Blobs>Blob"`
	Folders []struct {
		Name string `xml:"Name"`
	} `xml:"Blobs>BlobPrefix"`
	Next string `xml:"NextMarker"`
}

// Each lists.
func (s *store) Each(ctx context.Context, prefix string, found func(transfer.Object) error) error {
	return s.pages(ctx, prefix, url.Values{"include": {"metadata"}}, func(p *page) error {
		for _, b := range p.Blobs {
			if b.Properties.Type == "directory" || b.Folder == "true" {
				continue
			}
			err := found(transfer.Object{
				Key: b.Name, Size: b.Properties.Size, Version: strings.Trim(b.Properties.ETag, `"`),
				Sums: transfer.Base64Sum(transfer.MD5, b.Properties.MD5),
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Folders lists folders alone.
func (s *store) Folders(ctx context.Context, prefix string, found func(key string) error) error {
	return s.pages(ctx, prefix, url.Values{"delimiter": {"/"}}, func(p *page) error {
		for _, folder := range p.Folders {
			if err := found(folder.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// pages reads a listing.
func (s *store) pages(ctx context.Context, prefix string, query url.Values, read func(*page) error) error {
	query.Set("restype", "container")
	query.Set("comp", "list")
	if prefix != "" {
		query.Set("prefix", prefix)
	}
	for {
		var p page
		if err := s.list(ctx, query, &p); err != nil {
			return err
		}
		if err := read(&p); err != nil || p.Next == "" {
			return err
		}
		query.Set("marker", p.Next)
	}
}

func (s *store) list(ctx context.Context, query url.Values, to *page) error {
	u := *s.container
	u.RawQuery = query.Encode()
	r, err := s.do(ctx, http.MethodGet, &u, nil)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if err := xml.NewDecoder(r.Body).Decode(to); err != nil {
		return fmt.Errorf("reading the listing: %w", err)
	}
	return nil
}

// Stat describes a blob.
func (s *store) Stat(ctx context.Context, key string) (transfer.Object, error) {
	r, err := s.do(ctx, http.MethodHead, s.blob(key), nil)
	if err != nil {
		return transfer.Object{}, err
	}
	defer r.Body.Close()
	return transfer.Object{
		Key: key, Size: r.ContentLength, Version: strings.Trim(r.Header.Get("ETag"), `"`),
		Sums: transfer.Base64Sum(transfer.MD5, r.Header.Get("Content-MD5")),
	}, nil
}

// Open reads.
func (s *store) Open(ctx context.Context, o *transfer.Object, offset, length int64) (*transfer.Body, error) {
	header := http.Header{}
	if o.Version != "" {
		header.Set("If-Match", `"`+o.Version+`"`)
	}
	if offset > 0 || length != o.Size {
		header.Set("X-Ms-Range", access.Range(offset, length))
	}
	r, err := s.do(ctx, http.MethodGet, s.blob(o.Key), header) //nolint:bodyclose // the caller closes it
	if err != nil {
		return nil, err
	}
	return &transfer.Body{ReadCloser: r.Body, Version: strings.Trim(r.Header.Get("ETag"), `"`)}, nil
}

func (s *store) blob(key string) *url.URL {
	u := *s.container
	// Not JoinPath: a key may have empty parts.
	u.Path += "/" + key
	u.RawPath = ""
	return &u
}

func (s *store) do(ctx context.Context, method string, u *url.URL, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, u.String(), nil)
	if err != nil {
		return nil, transfer.Permanent(access.Failure(err))
	}
	if header != nil {
		request.Header = header
	}
	request.Header.Set("X-Ms-Version", version)
	if err := s.sign(ctx, request); err != nil {
		return nil, err
	}
	r, err := s.client.Do(request)
	if err != nil {
		return nil, access.Failure(err)
	}
	switch r.StatusCode {
	case http.StatusOK, http.StatusPartialContent:
		return r, nil
	case http.StatusPreconditionFailed:
		r.Body.Close()
		return nil, transfer.Changed()
	}
	defer r.Body.Close()
	return nil, s.explain(r)
}

func (s *store) explain(r *http.Response) error {
	var answer struct {
		Code string `xml:"Code"`
	}
	_ = xml.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&answer)
	code := answer.Code
	if code == "" {
		code = r.Header.Get("X-Ms-Error-Code")
	}
	hint := map[string]string{
		"AuthenticationFailed":        "the key or the signature is wrong, or has expired",
		"AuthorizationFailure":        "these credentials may not read it",
		"ContainerNotFound":           "the container does not exist",
		"BlobNotFound":                "the blob does not exist",
		"ResourceNotFound":            "it does not exist, or is not public",
		"PublicAccessNotPermitted":    "it is not public",
		"NoAuthenticationInformation": "no credentials were found, and it is not public",
	}[code]
	if !s.known && (r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden) {
		hint = "no credentials were found, and it is not public"
	}
	return access.Answered(r, strings.TrimPrefix(code+": "+hint, ": "))
}

// ID tells this container from others.
func (s *store) ID() string { return "azblob " + s.container.String() }
