package refresh

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prime-radiant/radiant/storage/transfer"
)

const (
	// loadTime bounds how long a server may take to load what it is told to.
	loadTime = 10 * time.Minute
	// mostReason is how much is told of why it could not.
	mostReason = 300
)

// Repository is a server that is told by the repository API of the open inference protocol
// which versions of a model to load.
type Repository struct {
	Client *http.Client
	// URL is the server's, such as http://localhost:9000, and Model the name of the model.
	URL, Model string
	// Reasons is set where a reason in the index is why the server could not load a
	// version. Triton has one for what it was told to unload as well.
	Reasons bool
}

// Serving asks the server for its versions, as [Options.Serving] wants it. An index may
// name what lies in the folder, so that each version is asked whether it is ready.
func (s *Repository) Serving(ctx context.Context) (map[int64]Serving, error) {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	status, text, err := s.do(ctx, http.MethodPost, "/v2/repository/index")
	if err != nil {
		return nil, err
	}
	if status != http.StatusOK {
		return nil, fmt.Errorf("the server answers %d", status)
	}
	var index []struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		State   string `json:"state"`
		Reason  string `json:"reason"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("reading the index of models: %w", err)
	}
	all := map[int64]Serving{}
	for _, m := range index {
		number, err := strconv.ParseInt(m.Version, 10, 64)
		if m.Name != s.Model || err != nil {
			continue
		}
		status, _, err := s.do(ctx, http.MethodGet, "/v2/models/"+url.PathEscape(s.Model)+"/versions/"+m.Version+"/ready")
		if err != nil {
			return nil, err
		}
		one := Serving{Available: status == http.StatusOK}
		if s.Reasons && !one.Available && m.State == stateUnavailable {
			one.Failed = m.Reason
		}
		all[number] = one
	}
	return all, nil
}

// stateUnavailable is the word for a version that is not loaded, and is not about to be.
const stateUnavailable = "UNAVAILABLE"

// Load tells the server to load the versions of the model that lie in its folder, as
// [Options.Load] wants it.
func (s *Repository) Load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, loadTime)
	defer cancel()
	status, text, err := s.do(ctx, http.MethodPost, "/v2/repository/models/"+url.PathEscape(s.Model)+"/load")
	if err != nil {
		return Unanswered{err}
	}
	if status != http.StatusOK {
		return errors.New(reasonOf(status, text))
	}
	return nil
}

func (s *Repository) do(ctx context.Context, method, path string) (status int, text []byte, err error) {
	body := io.Reader(http.NoBody)
	if method == http.MethodPost {
		body = strings.NewReader("{}") // MLServer wants one.
	}
	request, err := http.NewRequestWithContext(ctx, method, s.URL+path, body)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Close = true // After an error of its own MLServer resets connections that it seems to keep.
	response, err := s.Client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(io.LimitReader(response.Body, mostStatus))
	return response.StatusCode, text, err
}

// reasonOf is what an answer says of why a server failed: the text of an error, or of what
// Python prints of one the line that follows the places.
func reasonOf(status int, text []byte) string {
	var told struct {
		Error string `json:"error"`
	}
	reason := strings.TrimSpace(string(text))
	if json.Unmarshal(text, &told) == nil && told.Error != "" {
		reason = told.Error
	}
	if at := strings.LastIndex(reason, "\n  File \""); at >= 0 {
		reason = reason[at+1:]
		for line := range strings.SplitSeq(reason, "\n") {
			if line != "" && line[0] != ' ' {
				reason = line
				break
			}
		}
	}
	reason, _, _ = strings.Cut(reason, "\n")
	if reason == "" {
		reason = "it answers " + strconv.Itoa(status)
	}
	return strings.ToValidUTF8(reason[:min(len(reason), mostReason)], "")
}

// MLServer is the kind of models that MLServer loads: of each version it wants a file with
// settings that say which version it is.
type MLServer struct {
	// Model is the name of the model, Files the patterns, as [path.Match] knows them, of
	// the files by which its implementation finds one.
	Model string
	Files Files
}

const (
	// settingsName is the file with the settings of a model, and givenSettings where that
	// of the store is kept once it was completed.
	settingsName  = "model-settings.json"
	givenSettings = ".radiant-given-" + settingsName
)

// IsModel implements [Kind].
func (k MLServer) IsModel(files []transfer.Object) bool { return k.Files.IsModel(files) }

// Missing implements [Kind].
func (k MLServer) Missing(files []transfer.Object) error {
	for _, f := range files {
		if f.Name != settingsName && path.Base(f.Name) == settingsName {
			return fmt.Errorf("it has %s: settings of a version are right in its folder", f.Name)
		}
	}
	return k.Files.Missing(files)
}

// Complete implements [Kind]. It writes the settings, or completes those of the store.
func (k MLServer) Complete(dir string, version int64) error {
	file, given := filepath.Join(dir, settingsName), filepath.Join(dir, givenSettings)
	settings := map[string]any{}
	text, err := os.ReadFile(file)
	switch {
	case err == nil:
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber() // A whole number stays one, however long it is.
		if err := decoder.Decode(&settings); err != nil || decoder.More() {
			err = cmp.Or(err, errors.New("something follows the settings"))
			return Incomplete{fmt.Errorf("reading its %s: %w", settingsName, err)}
		}
		// What was fetched may be shared with a cache: it is not written into.
		if err := errors.Join(os.RemoveAll(given), os.Remove(file)); err != nil {
			return err
		}
		if err := os.WriteFile(given, text, 0o644); err != nil { // The server's user may read it.
			return err
		}
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	if settings == nil {
		settings = map[string]any{}
	}
	parameters, ok := settings["parameters"].(map[string]any)
	if settings["parameters"] == nil {
		parameters, ok = map[string]any{}, true
	}
	if !ok {
		return Incomplete{fmt.Errorf("parameters in its %s are no object", settingsName)}
	}
	settings["name"], settings["parameters"] = k.Model, parameters
	parameters["version"] = strconv.FormatInt(version, 10)
	if uri, _ := parameters["uri"].(string); uri == "" {
		// Without it the server would take that of its environment.
		parameters["uri"] = "."
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(settings); err != nil {
		return err
	}
	return os.WriteFile(file, out.Bytes(), 0o644) // The server's user may read it.
}

// Given implements [Kind].
func (MLServer) Given(dir string) []transfer.Object {
	given := filepath.Join(dir, givenSettings)
	info, err := os.Stat(given)
	var all []transfer.Object
	for _, f := range filesIn(dir) {
		switch {
		case f.Name != settingsName:
		case err != nil:
			continue // The store has none.
		default:
			f.Key, f.Size = given, info.Size()
		}
		all = append(all, f)
	}
	return all
}
