package hub

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/storage/access"
	"github.com/prime-radiant/radiant/storage/transfer"
)

// hub is a server with one model, as Hugging Face answers: small files from
// Git, large ones by their digest and from another host.
type hub struct {
	files map[string]string
	large string // the name of the large one
	other *httptest.Server
	t     *testing.T
	// dates are when commits changed a path last, as the server has them, by the path;
	// without one it does not know the question.
	dates map[string]string
	// modified is lastModified, as it stands in the answer.
	modified string
}

// revised is when the commit was made, as the server has it.
const revised = `"2026-01-02T03:04:05.000Z"`

const commit = "0123456789abcdef0123456789abcdef01234567"

func start(t *testing.T) (h *hub, a access.Access) {
	h = &hub{t: t, modified: revised, large: "weights/model.safetensors", files: map[string]string{
		"config.json": `{"a": 1}`, "weights/model.safetensors": strings.Repeat("large", 1000), "weights/a b#c.txt": "x",
	}}
	h.other = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the other host is told the token")
		}
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(h.files[h.large]))
	}))
	t.Cleanup(h.other.Close)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	// Another name for the same host: what is sent to it is sent elsewhere.
	env := map[string]string{"HF_ENDPOINT": server.URL, "HF_TOKEN": "hf_secret"}
	return h, access.Access{Client: access.NewClient(nil), Lookup: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer hf_secret" {
		w.Header().Set("X-Error-Message", "Invalid username or password.")
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	path := r.URL.Path
	switch {
	case path == "/api/models/org/m/revision/main" || path == "/api/models/org/m/revision/refs/pr/1":
		info := map[string]any{"sha": commit, "lastModified": json.RawMessage(h.modified)}
		if !slices.Contains(r.URL.Query()["expand"], "sha") {
			info["siblings"] = strings.Repeat("a list of all files ", 1000)
		}
		_ = json.NewEncoder(w).Encode(info)
	case path == "/api/models/org/m/commits/"+commit && h.dates[""] != "":
		fmt.Fprintf(w, `[{"id": %q, "title": "t", "date": %s}]`, commit, h.dates[""])
	case path == "/api/models/org/m/paths-info/"+commit && r.Method == http.MethodPost && len(h.dates) > 0:
		var asked struct {
			Paths  []string
			Expand bool
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked.Paths) != 1 || !asked.Expand {
			h.t.Errorf("asked is %+v, %v", asked, err)
		}
		fmt.Fprintf(w, `[{"type": "directory", "path": %q, "lastCommit": {"id": %q, "title": "t", "date": %s}}]`, asked.Paths[0], commit, h.dates[asked.Paths[0]])
	case strings.HasPrefix(path, "/api/models/org/m/tree/"+commit):
		h.tree(w, r, strings.Trim(strings.TrimPrefix(path, "/api/models/org/m/tree/"+commit), "/"))
	case strings.HasPrefix(path, "/org/m/resolve/"+commit+"/"):
		name := strings.TrimPrefix(path, "/org/m/resolve/"+commit+"/")
		if name == h.large {
			http.Redirect(w, r, strings.Replace(h.other.URL, "127.0.0.1", "localhost", 1)+"/signed?sig=secret", http.StatusFound)
			return
		}
		fmt.Fprint(w, h.files[name])
	default:
		w.Header().Set("X-Error-Message", "Repository not found")
		w.WriteHeader(http.StatusNotFound)
	}
}

// tree answers page by page, one file in each.
func (h *hub) tree(w http.ResponseWriter, r *http.Request, dir string) {
	var entries []map[string]any
	for name, content := range h.files {
		if dir != "" && !strings.HasPrefix(name, dir+"/") {
			continue
		}
		e := map[string]any{"type": "file", "path": name, "size": len(content), "oid": fmt.Sprintf("%x", sha1.Sum(fmt.Appendf(nil, "blob %d\x00%s", len(content), content)))}
		if name == h.large {
			e["lfs"] = map[string]any{"oid": fmt.Sprintf("%x", sha256.Sum256([]byte(content))), "size": len(content), "pointerSize": 130}
			e["oid"] = "of the pointer"
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	page := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &page)
	pages := sorted(entries)
	if page+1 < len(pages) {
		w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?recursive=true&cursor=%d>; rel="next"`, r.Host, r.URL.EscapedPath(), page+1))
	}
	_ = json.NewEncoder(w).Encode(pages[page : page+1])
}

func sorted(entries []map[string]any) []map[string]any {
	for i := range entries {
		for j := i + 1; j < len(entries); j++ {
			if entries[j]["path"].(string) < entries[i]["path"].(string) {
				entries[i], entries[j] = entries[j], entries[i]
			}
		}
	}
	return entries
}

func fetch(t *testing.T, uri string, a access.Access) (map[string]string, []transfer.File, error) {
	t.Helper()
	s, err := Open(t.Context(), uri, a)
	if err != nil {
		return nil, nil, err
	}
	objects, err := s.List(t.Context())
	if err != nil {
		return nil, nil, err
	}
	dir := t.TempDir()
	files, err := transfer.Download(t.Context(), s, objects, transfer.Target{Dir: dir, Journal: filepath.Join(t.TempDir(), "journal")}, transfer.Options{
		Streams: 2, Stall: time.Minute, MaxBytes: 1 << 30, Policy: transfer.Policy{Attempts: 1},
	})
	got := map[string]string{}
	for _, f := range files {
		content, _ := os.ReadFile(filepath.Join(dir, f.Name))
		got[f.Name] = string(content)
	}
	return got, files, err
}

func TestFetch(t *testing.T) {
	h, a := start(t)
	weights := map[string]string{"model.safetensors": h.files[h.large], "a b#c.txt": "x"}
	for uri, want := range map[string]map[string]string{
		"hf://org/m":                           h.files,
		"hf://org/m@main":                      h.files,
		"hf://org/m:main":                      h.files,
		"hf://org/m@refs%2Fpr%2F1":             h.files,
		"hf://org/m/weights":                   weights,
		"hf://org/m@main/weights/a b#c.txt":    {"a b#c.txt": "x"},
		"hf://org/m/weights/model.safetensors": {"model.safetensors": h.files[h.large]},
	} {
		got, files, err := fetch(t, uri, a)
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", uri, diff)
		}
		for _, f := range files {
			algorithm := "git-sha1:"
			if strings.HasSuffix(f.Name, ".safetensors") {
				algorithm = "sha256:"
			}
			if !strings.HasPrefix(f.Digest, algorithm) {
				t.Errorf("%s was compared by %s, want %s", f.Name, f.Digest, algorithm)
			}
		}
	}
}

// TestState: where the commit is the last one a short answer tells; another one that
// changes nothing below the path has the same mark.
func TestState(t *testing.T) {
	h, a := start(t)
	read := 0
	a.Client.Transport = counting{a.Client.Transport, &read}
	s, err := Open(t.Context(), "hf://org/m/weights", a)
	if err != nil {
		t.Fatal(err)
	}
	states := s.(transfer.Stateful)
	first, err := states.State(t.Context(), transfer.State{})
	want := transfer.State{Token: commit, Mark: first.Mark, Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Bytes: int64(len(h.files[h.large]) + 1)}
	if err != nil || first.Mark == "" || first != want {
		t.Fatalf("%+v, %v; want %+v", first, err, want)
	}
	read = 0
	again, err := states.State(t.Context(), first)
	if err != nil || again != first || read == 0 || read > 200 {
		t.Errorf("%+v, %v after %d bytes", again, err, read)
	}
	other := first
	other.Token = "another commit"
	h.files["config.json"] = "changed"
	if now, err := states.State(t.Context(), other); err != nil || now.Mark != first.Mark || now.Token != commit {
		t.Errorf("%+v, %v; want the mark of %+v", now, err, first)
	}
	h.files["weights/a b#c.txt"] = "changed"
	if now, err := states.State(t.Context(), other); err != nil || now.Mark == first.Mark {
		t.Errorf("%+v, %v; want another mark than that of %+v", now, err, first)
	}
}

// TestSinceWhen: a state is as old as the last commit that changed its path; of servers that
// do not tell that, as old as the revision, or of an unknown age.
func TestSinceWhen(t *testing.T) {
	h, a := start(t)
	commitTime := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	changed := time.Date(2025, 11, 12, 13, 14, 15, 0, time.UTC)
	said := map[string]string{"": `"2025-11-12T13:14:15.000Z"`, "weights": `"2025-11-12T13:14:15.000Z"`}
	for _, c := range []struct {
		name, path, modified string
		dates                map[string]string
		want                 time.Time
	}{
		{"of a path", "/weights", revised, said, changed},
		{"of all", "", revised, said, changed},
		{"of a path, not told", "/weights", revised, nil, commitTime},
		{"of all, not told", "", revised, nil, commitTime},
		{"of a path, without a date", "/weights", revised, map[string]string{"weights": "null"}, commitTime},
		{"of a path, another form", "/weights", revised, map[string]string{"weights": "[1]"}, commitTime},
		{"of a path, no JSON", "/weights", revised, map[string]string{"weights": "<html>"}, commitTime},
		{"nothing is told", "/weights", "null", nil, time.Time{}},
		{"a time without a zone", "", `"2026-01-02T03:04:05"`, nil, time.Time{}},
		{"an empty time", "", `""`, nil, time.Time{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.dates, h.modified = c.dates, c.modified
			s, err := Open(t.Context(), "hf://org/m"+c.path, a)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.(transfer.Stateful).State(t.Context(), transfer.State{})
			if err != nil || !got.Time.Equal(c.want) || got.Token != commit {
				t.Errorf("%+v, %v; want %s", got, err, c.want)
			}
		})
	}
}

// counting counts the bytes of answers.
type counting struct {
	http.RoundTripper
	read *int
}

func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = counted{answer.Body, c.read}
	}
	return answer, err
}

type counted struct {
	io.ReadCloser
	read *int
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	*c.read += n
	return n, err
}

func TestFetchRefuses(t *testing.T) {
	_, a := start(t)
	nobody := access.Access{Client: a.Client, Lookup: func(name string) (string, bool) {
		v, ok := a.Lookup(name)
		return v, ok && name == "HF_ENDPOINT"
	}}
	for _, c := range []struct {
		uri  string
		a    access.Access
		want string
	}{
		{"hf://org/m", nobody, "401 Unauthorized: Invalid username or password. (the model does not exist, or HF_TOKEN is not set)"},
		{"hf://org/other", a, "404 Not Found: Repository not found"},
		{"hf://org/m/nothing", a, "the model has no file or folder nothing"},
		{"hf://org", a, "write hf://ORGANISATION/MODEL[@REVISION][/PATH]"},
		{"hf://org/m@", a, "the revision in m@ is malformed"},
	} {
		_, _, err := fetch(t, c.uri, c.a)
		if err == nil || !strings.Contains(err.Error(), c.want) || !transfer.IsPermanent(err) {
			t.Errorf("%s: error %v, want %s", c.uri, err, c.want)
		}
	}
}

func TestFetchDamaged(t *testing.T) {
	h, a := start(t)
	real := h.files[h.large]
	s, err := Open(t.Context(), "hf://org/m", a)
	if err != nil {
		t.Fatal(err)
	}
	objects, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.files[h.large] = "X" + real[1:]
	_, err = transfer.Download(t.Context(), s, objects, transfer.Target{Dir: t.TempDir(), Journal: filepath.Join(t.TempDir(), "journal")}, transfer.Options{
		Streams: 2, Stall: time.Minute, MaxBytes: 1 << 30, Policy: transfer.Policy{Attempts: 1},
	})
	if err == nil || !strings.Contains(err.Error(), "weights/model.safetensors: the content is damaged: its sha256 is ") {
		t.Errorf("error %v", err)
	}
}

func TestKept(t *testing.T) {
	cache := t.TempDir()
	snapshot := filepath.Join(cache, "models--org--m", "snapshots", commit)
	for path, content := range map[string]string{
		filepath.Join(snapshot, "weights", "a"):                   "x",
		filepath.Join(cache, "models--org--m", "refs", "main"):    commit,
		filepath.Join(cache, "models--org--m", "refs", "v1", "a"): "../../../elsewhere",
	} {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a := access.Access{Lookup: func(name string) (string, bool) {
		v, ok := map[string]string{"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": cache}[name]
		return v, ok
	}}
	for uri, want := range map[string]string{"hf://org/m": snapshot, "hf://org/m/weights": filepath.Join(snapshot, "weights"), "hf://org/m@" + commit: snapshot} {
		if got, err := Kept(uri, a); err != nil || got != want {
			t.Errorf("%s is kept in %q (%v), want %s", uri, got, err, want)
		}
	}
	for _, uri := range []string{"hf://org/other", "hf://org/m@v2", "hf://org/m@v1%2Fa", "hf://org/m/../../.."} {
		if got, err := Kept(uri, a); err == nil {
			t.Errorf("%s is kept in %s", uri, got)
		}
	}
}
