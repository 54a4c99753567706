// Package registry reads models from the layers of an OCI artifact.
package registry

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"oras.land/oras-go/v2/registry"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// PlainHTTP is the setting that lists registries without TLS, with commas.
// Those of this machine need not be listed.
const PlainHTTP = "RADIANT_OCI_PLAIN_HTTP"

// maxManifest bounds a manifest, as registries do.
const maxManifest = 4 << 20

// Media types of manifests.
const (
	ociManifest    = "application/vnd.oci.image.manifest.v1+json"
	ociIndex       = "application/vnd.oci.image.index.v1+json"
	dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	dockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// Open is the store of oci://registry/repository:tag, or @digest.
func Open(_ context.Context, uri string, a access.Access) (transfer.Store, error) {
	_, text, _ := strings.Cut(uri, "://")
	reference, err := registry.ParseReference(text)
	if err != nil || reference.ValidateRepository() != nil {
		return nil, transfer.Permanent(errors.New("write oci://REGISTRY/REPOSITORY:TAG or oci://REGISTRY/REPOSITORY@sha256:DIGEST"))
	}
	if reference.Reference == "" {
		reference.Reference = "latest"
	}
	reference.Registry, reference.Repository = official(reference.Registry, reference.Repository)
	kept, err := keptCredentials(a)
	if err != nil {
		return nil, transfer.Permanent(fmt.Errorf("reading the credentials of registries: %w", err))
	}
	s := &store{
		reference: reference,
		base:      "https://" + reference.Host() + "/v2/" + reference.Repository,
		client:    &auth.Client{Client: a.Client, Cache: auth.NewCache(), Credential: kept},
	}
	loopback := isLoopback(reference.Host())
	if loopback {
		// Its server of tokens is there too.
		s.client.BlockedRealmPrefixes = []netip.Prefix{}
	}
	if loopback || slices.Contains(strings.Split(a.Value(PlainHTTP), ","), reference.Registry) {
		s.base = "http://" + strings.TrimPrefix(s.base, "https://")
	}
	return s, nil
}

// official are registry and repository as container runtimes take them: a name of Docker
// Hub without a folder is that of an official image.
func official(registry, repository string) (in, of string) {
	if registry == "index.docker.io" {
		registry = "docker.io"
	}
	if registry == "docker.io" && !strings.Contains(repository, "/") {
		repository = "library/" + repository
	}
	return registry, repository
}

func isLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// keptCredentials are those of docker login, or of other programs with the
// same file, and of the helpers that it names.
func keptCredentials(a access.Access) (auth.CredentialFunc, error) {
	file := a.Value("REGISTRY_AUTH_FILE")
	if dir := a.Value("DOCKER_CONFIG"); file == "" && dir != "" {
		file = filepath.Join(dir, "config.json")
	}
	if home := a.Value("HOME"); file == "" && home != "" {
		file = filepath.Join(home, ".docker", "config.json")
	}
	if file == "" {
		return nil, nil
	}
	s, err := credentials.NewStore(file, credentials.StoreOptions{})
	if err != nil {
		return nil, err
	}
	return credentials.Credential(s), nil
}

type store struct {
	reference registry.Reference
	base      string
	client    *auth.Client
}

// List reads the manifest. Each layer is a file of its title, or an archive.
func (s *store) List(ctx context.Context) ([]transfer.Object, error) {
	a, err := s.artifact(ctx)
	return a.objects, err
}

// artifact is what a reference names.
type artifact struct {
	digest  string
	objects []transfer.Object
	// created is when it was made; empty: it does not say.
	created string
}

func (s *store) artifact(ctx context.Context) (a artifact, err error) {
	m, digest, err := s.manifest(ctx, s.reference.Reference)
	if err != nil {
		return a, err
	}
	a.digest, a.created = digest, m.Annotations[createdAnnotation]
	if len(m.Manifests) > 0 {
		// One for each platform; a model has none, so that they are alike.
		if m, _, err = s.manifest(ctx, m.Manifests[0].Digest); err != nil {
			return a, err
		}
		a.created = cmp.Or(a.created, m.Annotations[createdAnnotation])
	}
	for i, l := range m.Layers {
		o, err := l.object(i)
		if err != nil {
			return a, transfer.Permanent(fmt.Errorf("layer %d: %w", i+1, err))
		}
		if o.Name != "" {
			a.objects = append(a.objects, o)
		}
	}
	if len(a.objects) == 0 {
		return a, transfer.NotFound(errors.New("the artifact has no layers"))
	}
	return a, nil
}

// manifestTypes is the header that asks for the manifests that are read here.
func manifestTypes() http.Header {
	return http.Header{"Accept": {strings.Join([]string{ociManifest, ociIndex, dockerManifest, dockerList}, ", ")}}
}

func (s *store) manifest(ctx context.Context, reference string) (m manifest, digest string, err error) {
	r, err := s.send(ctx, http.MethodGet, "/manifests/"+reference, manifestTypes())
	if err != nil {
		return m, "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxManifest+1))
	if err != nil {
		return m, "", err
	}
	if len(body) > maxManifest {
		return m, "", transfer.Permanent(fmt.Errorf("the manifest is larger than %s", transfer.Size(maxManifest)))
	}
	sum := sha256.Sum256(body)
	digest = "sha256:" + hex.EncodeToString(sum[:])
	if strings.HasPrefix(reference, "sha256:") && reference != digest {
		return m, "", transfer.Permanent(fmt.Errorf("the manifest is damaged: its digest is %s, not %s", digest, reference))
	}
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&m); err != nil {
		return m, "", transfer.Permanent(fmt.Errorf("reading the manifest: %w", err))
	}
	return m, digest, nil
}

// Open reads a layer.
func (s *store) Open(ctx context.Context, o *transfer.Object, offset, length int64) (*transfer.Body, error) {
	header := http.Header{}
	if offset > 0 || length != o.Size {
		header.Set("Range", access.Range(offset, length))
	}
	r, err := s.send(ctx, http.MethodGet, "/blobs/"+o.Key, header)
	if err != nil {
		return nil, err
	}
	if err := access.Skip(r, offset); err != nil {
		r.Body.Close()
		return nil, err
	}
	return &transfer.Body{ReadCloser: r.Body}, nil
}

func (s *store) send(ctx context.Context, method, path string, header http.Header) (*http.Response, error) {
	ctx = auth.WithScopes(ctx, auth.ScopeRepository(s.reference.Repository, auth.ActionPull))
	request, err := http.NewRequestWithContext(ctx, method, s.base+path, nil)
	if err != nil {
		return nil, transfer.Permanent(access.Failure(err))
	}
	request.Header = header
	r, err := s.client.Do(request)
	if err != nil {
		if errors.Is(err, auth.ErrBasicCredentialNotFound) {
			return nil, transfer.Denied(fmt.Errorf("the registry wants credentials, and there are none for %s (docker login writes them)", s.reference.Registry))
		}
		return nil, access.Failure(err)
	}
	if r.StatusCode == http.StatusOK || r.StatusCode == http.StatusPartialContent {
		return r, nil
	}
	defer r.Body.Close()
	return nil, access.Answered(r, reason(r))
}

// reason is the first error that a registry lists.
func reason(r *http.Response) string {
	var answer struct {
		Errors []struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	_ = json.NewDecoder(io.LimitReader(r.Body, 64<<10)).Decode(&answer)
	if len(answer.Errors) == 0 {
		return ""
	}
	return strings.TrimSpace(answer.Errors[0].Code + " " + answer.Errors[0].Message)
}
