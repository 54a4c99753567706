// Package hub reads models from Hugging Face, and from servers with its
// interface.
package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/transfer"
)

const (
	service     = "https://huggingface.co"
	mainline    = "main"
	maxListings = 10_000
)

// Repo is what hf://org/name[@revision][/path] names. The revision may stand
// behind a colon too.
type Repo struct{ ID, Revision, Path string }

// Parse reads a URI.
func Parse(uri string) (Repo, error) {
	_, text, _ := strings.Cut(uri, "://")
	parts := strings.SplitN(strings.Trim(text, "/"), "/", 3)
	if len(parts) < 2 || parts[0] == "" || parts[1] == "" {
		return Repo{}, transfer.Permanent(errors.New("write hf://ORGANISATION/MODEL[@REVISION][/PATH]"))
	}
	r := Repo{Revision: mainline}
	if len(parts) == 3 {
		r.Path = strings.Trim(parts[2], "/")
	}
	name := parts[1]
	if i := strings.IndexAny(name, "@:"); i >= 0 {
		// A slash in a revision is written %2F.
		revision, err := url.PathUnescape(name[i+1:])
		if err != nil || revision == "" {
			return Repo{}, transfer.Permanent(fmt.Errorf("the revision in %s is malformed", name))
		}
		name, r.Revision = name[:i], revision
	}
	r.ID = parts[0] + "/" + name
	if strings.Contains(parts[0], "..") || strings.Contains(name, "..") {
		return Repo{}, transfer.Permanent(fmt.Errorf("%s is no model", r.ID))
	}
	return r, nil
}

// Open is the store of an hf:// URI.
func Open(_ context.Context, uri string, a access.Access) (transfer.Store, error) {
	r, err := Parse(uri)
	if err != nil {
		return nil, err
	}
	endpoint := strings.TrimRight(a.Value("HF_ENDPOINT"), "/")
	if endpoint == "" {
		endpoint = service
	}
	return &store{repo: r, endpoint: endpoint, token: token(a), client: a.Client}, nil
}

// token is that of the environment, or the one that Hugging Face's own program
// keeps.
func token(a access.Access) string {
	if t := a.Value("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACEHUB_API_TOKEN"); t != "" {
		return t
	}
	file := a.Value("HF_TOKEN_PATH")
	if home := home(a); file == "" && home != "" {
		file = filepath.Join(home, "token")
	}
	kept, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(kept))
}

func home(a access.Access) string {
	if dir := a.Value("HF_HOME"); dir != "" {
		return dir
	}
	if dir := a.Value("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "huggingface")
	}
	if dir := a.Value("HOME"); dir != "" {
		return filepath.Join(dir, ".cache", "huggingface")
	}
	return ""
}

// Kept is the folder of this machine that the model lies in already, for use
// without a network; empty: a network may be used.
func Kept(uri string, a access.Access) (dir string, err error) {
	if !a.Bool("HF_HUB_OFFLINE", false) {
		return "", nil
	}
	r, err := Parse(uri)
	if err != nil {
		return "", err
	}
	cache := a.Value("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE")
	if cache == "" {
		cache = filepath.Join(home(a), "hub")
	}
	model := filepath.Join(cache, "models--"+strings.ReplaceAll(r.ID, "/", "--"))
	commit := r.Revision
	if !filepath.IsLocal(filepath.FromSlash(commit)) || !filepath.IsLocal("./"+r.Path) {
		return "", transfer.Permanent(fmt.Errorf("revision or path of %s lead out of the cache", r.ID))
	}
	if named, err := os.ReadFile(filepath.Join(model, "refs", filepath.FromSlash(commit))); err == nil {
		commit = strings.TrimSpace(string(named))
	}
	dir = filepath.Join(model, "snapshots", filepath.Base(commit), filepath.FromSlash(r.Path))
	if _, err := os.Stat(dir); err != nil {
		return "", transfer.NotFound(fmt.Errorf("HF_HUB_OFFLINE is set, and the model is not in %s", cache))
	}
	return dir, nil
}

type store struct {
	repo            Repo
	endpoint, token string
	client          *http.Client
	// commit is what the revision is while this runs.
	commit string
}

// entry is a file or a folder of a repository.
type entry struct {
	Type string `json:"type"`
	Path string `json:"path"`
	Size int64  `json:"size"`
	// ID is the name that Git has for the file.
	ID  string `json:"oid"`
	LFS *struct {
		ID   string `json:"oid"`
		Size int64  `json:"size"`
	} `json:"lfs"`
}

// List lists the files of the commit that the revision is now. Every file has
// a digest: the SHA-256 of large ones, Git's name of small ones.
func (s *store) List(ctx context.Context) ([]transfer.Object, error) {
	now, err := s.revision(ctx, "")
	if err != nil {
		return nil, err
	}
	return s.list(ctx, now.Commit)
}

// revision is what a revision names. Servers with the interface of Hugging Face need not
// say when that came to be.
type revision struct {
	Commit   string `json:"sha"`
	Modified moment `json:"lastModified"`
}

// short asks for an answer without the list of files.
const short = "?expand=sha&expand=lastModified"

// revision asks what the revision is now.
func (s *store) revision(ctx context.Context, query string) (now revision, err error) {
	at := s.endpoint + "/api/models/" + s.repo.ID + "/revision/" + url.PathEscape(s.repo.Revision) + query
	if _, err := s.ask(ctx, at, &now); err != nil {
		return now, err
	}
	if now.Commit == "" {
		return now, errors.New("the server does not say which commit the revision is")
	}
	return now, nil
}

// State is the commit that the revision is now. Commits that change nothing below the
// path have the same mark.
func (s *store) State(ctx context.Context, last transfer.State) (transfer.State, error) {
	at, err := s.revision(ctx, short)
	if err != nil || at.Commit == last.Token {
		return last, err
	}
	objects, err := s.list(ctx, at.Commit)
	if err != nil {
		return last, err
	}
	since, err := s.since(ctx, at)
	if err != nil {
		return last, err
	}
	return transfer.State{Token: at.Commit, Mark: transfer.Signature(objects), Time: since, Bytes: transfer.Total(objects)}, nil
}

func (s *store) list(ctx context.Context, commit string) ([]transfer.Object, error) {
	s.commit = commit
	objects, err := s.tree(ctx, s.repo.Path)
	if s.repo.Path != "" && (len(objects) == 0 || errors.Is(err, transfer.ErrNotFound)) {
		// A path of one file is found in its folder.
		return s.single(ctx)
	}
	if err == nil && len(objects) == 0 {
		err = transfer.NotFound(errors.New("there are no files"))
	}
	return objects, err
}

func (s *store) single(ctx context.Context) ([]transfer.Object, error) {
	dir := path.Dir(s.repo.Path)
	if dir == "." {
		dir = ""
	}
	objects, err := s.tree(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, o := range objects {
		if o.Key == s.repo.Path {
			o.Name = path.Base(o.Key)
			return []transfer.Object{o}, nil
		}
	}
	return nil, transfer.NotFound(fmt.Errorf("the model has no file or folder %s", s.repo.Path))
}

// tree lists the files below a folder; names are relative to it.
func (s *store) tree(ctx context.Context, dir string) ([]transfer.Object, error) {
	at := s.endpoint + "/api/models/" + s.repo.ID + "/tree/" + s.commit
	if dir != "" {
		at += "/" + escape(dir)
	}
	at += "?recursive=true"
	var objects []transfer.Object
	for pages := 0; at != "" && pages < maxListings; pages++ {
		var entries []entry
		next, err := s.ask(ctx, at, &entries)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if e.Type == "file" {
				objects = append(objects, e.object(dir))
			}
		}
		at = next
	}
	return objects, nil
}

func (e entry) object(dir string) transfer.Object {
	o := transfer.Object{Key: e.Path, Name: strings.TrimPrefix(strings.TrimPrefix(e.Path, dir), "/"), Size: e.Size, Version: e.ID}
	if e.LFS != nil {
		o.Size, o.Version = e.LFS.Size, e.LFS.ID
		o.Sums = transfer.HexSum(transfer.SHA256, strings.TrimPrefix(e.LFS.ID, "sha256:"))
		return o
	}
	o.Sums = transfer.HexSum(transfer.GitSHA1, e.ID)
	return o
}

func escape(p string) string {
	parts := strings.Split(p, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return strings.Join(parts, "/")
}

// Open reads. Large files come from another host, which must not see the
// token: net/http keeps it from that.
func (s *store) Open(ctx context.Context, o *transfer.Object, offset, length int64) (*transfer.Body, error) {
	at := s.endpoint + "/" + s.repo.ID + "/resolve/" + s.commit + "/" + escape(o.Key)
	header := ""
	if offset > 0 || length != o.Size {
		header = access.Range(offset, length)
	}
	r, err := s.get(ctx, at, header)
	if err != nil {
		return nil, err
	}
	if err := access.Skip(r, offset); err != nil {
		r.Body.Close()
		return nil, err
	}
	return &transfer.Body{ReadCloser: r.Body}, nil
}

// ask reads JSON, and returns the URL of the next page.
func (s *store) ask(ctx context.Context, at string, answer any) (next string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return "", transfer.Permanent(access.Failure(err))
	}
	return s.read(request, answer)
}

// read reads the JSON that is answered, likewise.
func (s *store) read(request *http.Request, answer any) (next string, err error) {
	r, err := s.do(request)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(answer); err != nil {
		return "", fmt.Errorf("reading the listing: %w", err)
	}
	return nextPage(r), nil
}

// nextPage is the URL in Link: <URL>; rel="next", if it is on the same host:
// the token goes with the request.
func nextPage(r *http.Response) string {
	for _, link := range strings.Split(r.Header.Get("Link"), ",") {
		target, rel, _ := strings.Cut(link, ";")
		if !strings.Contains(rel, `rel="next"`) {
			continue
		}
		u, err := r.Request.URL.Parse(strings.Trim(strings.TrimSpace(target), "<>"))
		if err == nil && u.Host == r.Request.URL.Host {
			return u.String()
		}
	}
	return ""
}

func (s *store) get(ctx context.Context, at, byteRange string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, transfer.Permanent(access.Failure(err))
	}
	if byteRange != "" {
		request.Header.Set("Range", byteRange)
	}
	return s.do(request)
}

func (s *store) do(request *http.Request) (*http.Response, error) {
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	r, err := s.client.Do(request)
	if err != nil {
		return nil, access.Failure(err)
	}
	if r.StatusCode == http.StatusOK || r.StatusCode == http.StatusPartialContent {
		return r, nil
	}
	defer r.Body.Close()
	return nil, access.Answered(r, s.reason(r))
}

// reason is what the server says in a header. It answers 401 for what does not
// exist too, so that nobody can find out.
func (s *store) reason(r *http.Response) string {
	said := r.Header.Get("X-Error-Message")
	if said == "" {
		said = r.Header.Get("X-Error-Code")
	}
	if r.StatusCode == http.StatusUnauthorized || r.StatusCode == http.StatusForbidden {
		want := "HF_TOKEN is not set"
		if s.token != "" {
			want = "HF_TOKEN may not read it"
		}
		said = strings.TrimSpace(said + " (the model does not exist, or " + want + ")")
	}
	return said
}

// ID tells this model from others.
func (s *store) ID() string { return "hf " + s.endpoint + " " + s.repo.ID }
