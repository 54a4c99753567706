package samples

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/pages"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// TestPasswordsAtTheGateway runs Traefik with the configuration of
// docs/security.md: who has no password, or a wrong one, gets 401, and the model
// does not see the right one.
func TestPasswordsAtTheGateway(t *testing.T) {
	long.Only(t)
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(begin string) string {
		for _, fence := range pages.Fences(string(page)) {
			if fence.Language == "yaml" && strings.HasPrefix(fence.Text, begin+":\n") {
				return fence.Text
			}
		}
		t.Fatalf("the page has no configuration that begins with %s", begin)
		return ""
	}
	seen := make(chan string, 1)
	model := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header.Get("Authorization") }))
	defer model.Close()
	folder, port := t.TempDir(), programs.FreePort(t)
	routes := fmt.Sprintf("  routers: {all: {rule: PathPrefix(`/`), service: model, tls: {}}}\n  services: {model: {loadBalancer: {servers: [{url: %q}]}}}\n", model.URL)
	for name, text := range map[string]string{
		"traefik.yaml": strings.Replace(block("entryPoints"), ":8443", fmt.Sprintf("127.0.0.1:%d", port), 1) + "providers: {file: {filename: routes.yaml}}\n",
		"routes.yaml":  block("http") + routes,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var output programs.Output
	traefik := exec.CommandContext(t.Context(), tools.Path(t, "traefik"), "--configFile=traefik.yaml")
	traefik.Dir, traefik.Stdout, traefik.Stderr = folder, &output, &output
	if err := traefik.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = traefik.Process.Kill()
		_ = traefik.Wait()
	}()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}, Timeout: 10 * time.Second}
	ask := func(password string) (int, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fmt.Sprintf("https://127.0.0.1:%d/seldon/models/flowers/api/v1.0/predictions", port), nil)
		if err != nil {
			return 0, err
		}
		if password != "" {
			r.SetBasicAuth("alice", password)
		}
		answer, err := client.Do(r)
		if err != nil {
			return 0, err
		}
		return answer.StatusCode, answer.Body.Close()
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		status, err := ask("")
		if status == http.StatusUnauthorized {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("a request without a password gets %d (%v), want 401\n%s", status, err, output.String())
		}
	}
	if status, err := ask("looking-glass"); status != http.StatusUnauthorized {
		t.Errorf("a wrong password gets %d (%v), want 401", status, err)
	}
	if status, err := ask("wonderland"); status != http.StatusOK {
		t.Fatalf("the right password gets %d (%v), want 200\n%s", status, err, output.String())
	}
	if header := <-seen; header != "" {
		t.Errorf("the model sees %q", header)
	}
}
