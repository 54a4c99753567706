// Package browser lets tests look at pages as users do: in a headless Chromium.
package browser

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Browser is a headless Chromium, spoken to over two pipes in the Chrome DevTools
// Protocol.
type Browser struct {
	commands *os.File

	mu      sync.Mutex
	last    int
	waiting map[int]chan answer
	// tabs are the open ones by their sessions.
	tabs  map[string]*Tab
	ended chan struct{}
}

// Tab is a page. It shares nothing with other tabs: neither a cache nor cookies.
type Tab struct {
	browser *Browser
	session string

	mu sync.Mutex
	// requests are the addresses that the page asked for, complaints what the
	// browser found wrong: errors in scripts, refusals by policy.
	requests, complaints []string
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// Need returns the browser's program; without one the test is skipped.
func Need(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium here: scripts/need.sh chromium installs it")
	return ""
}

// Start starts a browser until the test and those within it end.
func Start(t *testing.T) *Browser {
	t.Helper()
	program := Need(t)
	commandsIn, commandsOut := pipe(t)
	eventsIn, eventsOut := pipe(t)
	// What is in a window behind another one is drawn as well.
	cmd := exec.Command(program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--disable-backgrounding-occluded-windows", "--disable-renderer-backgrounding", "--disable-background-timer-throttling",
		"--window-size=1200,1600", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	// Chromium reads commands from the first file and writes events to the
	// second.
	cmd.ExtraFiles = []*os.File{commandsIn, eventsOut}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	commandsIn.Close()
	eventsOut.Close()
	b := &Browser{commands: commandsOut, waiting: map[int]chan answer{}, tabs: map[string]*Tab{}, ended: make(chan struct{})}
	go b.listen(eventsIn)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = b.call(ctx, "", "Browser.close", nil, nil)
		stop := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		stop.Stop()
		<-b.ended
	})
	return b
}

// Open opens a tab until the test ends.
func (b *Browser) Open(t *testing.T) *Tab {
	t.Helper()
	ctx := soon(t)
	var own struct{ BrowserContextID string }
	must(t, b.call(ctx, "", "Target.createBrowserContext", nil, &own))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = b.call(ctx, "", "Target.disposeBrowserContext", object{"browserContextId": own.BrowserContextID}, nil)
	})
	var target struct{ TargetID string }
	must(t, b.call(ctx, "", "Target.createTarget", object{"url": "about:blank", "browserContextId": own.BrowserContextID}, &target))
	var attached struct{ SessionID string }
	must(t, b.call(ctx, "", "Target.attachToTarget", object{"targetId": target.TargetID, "flatten": true}, &attached))
	tab := &Tab{browser: b, session: attached.SessionID}
	b.mu.Lock()
	b.tabs[tab.session] = tab
	b.mu.Unlock()
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		must(t, tab.call(ctx, domain+".enable", nil, nil))
	}
	return tab
}

type object = map[string]any

func pipe(t *testing.T) (in, out *os.File) {
	t.Helper()
	in, out, err := os.Pipe()
	must(t, err)
	return in, out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// listen takes what the browser says until it ends.
func (b *Browser) listen(events *os.File) {
	defer close(b.ended)
	defer events.Close()
	r := bufio.NewReader(events)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID        int
			Method    string
			SessionID string
			Params    json.RawMessage
			answer
		}
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		if waiting := b.waiting[m.ID]; waiting != nil {
			waiting <- m.answer
			delete(b.waiting, m.ID)
		}
		tab := b.tabs[m.SessionID]
		b.mu.Unlock()
		if tab != nil {
			tab.note(m.Method, m.Params)
		}
	}
}

// note keeps what a test wants to know of an event.
func (b *Tab) note(method string, params json.RawMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch method {
	case "Network.requestWillBeSent":
		var e struct{ Request struct{ URL string } }
		if json.Unmarshal(params, &e) == nil {
			b.requests = append(b.requests, e.Request.URL)
		}
	case "Log.entryAdded":
		var e struct {
			Entry struct{ Level, Text, URL string }
		}
		if json.Unmarshal(params, &e) == nil && e.Entry.Level == "error" {
			b.complaints = append(b.complaints, e.Entry.Text+" "+e.Entry.URL)
		}
	case "Runtime.exceptionThrown":
		b.complaints = append(b.complaints, string(params))
	case "Runtime.consoleAPICalled":
		var e struct{ Type string }
		if json.Unmarshal(params, &e) == nil && e.Type == "error" {
			b.complaints = append(b.complaints, string(params))
		}
	}
}

// Go opens an address.
func (b *Tab) Go(t *testing.T, url string) {
	t.Helper()
	must(t, b.call(soon(t), "Page.navigate", object{"url": url}, nil))
}

// Size makes the page's window as large as a screen of that many pixels.
func (b *Tab) Size(t *testing.T, width, height int) {
	t.Helper()
	must(t, b.call(soon(t), "Emulation.setDeviceMetricsOverride", object{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil))
}

// Seen returns the addresses that the page asked for, and what the browser
// found wrong so far.
func (b *Tab) Seen() (requests, complaints []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.requests...), append([]string(nil), b.complaints...)
}

func (b *Tab) call(ctx context.Context, method string, params, result any) error {
	return b.browser.call(ctx, b.session, method, params, result)
}

// call sends a command of a session, "" for the browser's own, and waits for the
// result.
func (b *Browser) call(ctx context.Context, session, method string, params, result any) error {
	b.mu.Lock()
	b.last++
	id := b.last
	waiting := make(chan answer, 1)
	b.waiting[id] = waiting
	b.mu.Unlock()
	command := object{"id": id, "method": method}
	if params != nil {
		command["params"] = params
	}
	if session != "" {
		command["sessionId"] = session
	}
	text, err := json.Marshal(command)
	if err != nil {
		return err
	}
	if _, err := b.commands.Write(append(text, 0)); err != nil {
		return err
	}
	select {
	case a := <-waiting:
		if a.Error != nil {
			return fmt.Errorf("%s: %s", method, a.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.Result, result)
	case <-b.ended:
		return fmt.Errorf("%s: the browser ended", method)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// eval runs a script in the page and returns its text.
func (b *Tab) eval(ctx context.Context, script string) (string, error) {
	var r struct {
		Result           struct{ Value any }
		ExceptionDetails *struct {
			Exception struct{ Description string }
		}
	}
	if err := b.call(ctx, "Runtime.evaluate", object{"expression": script, "returnByValue": true, "awaitPromise": true}, &r); err != nil {
		return "", err
	}
	if r.ExceptionDetails != nil {
		return "", errors.New(r.ExceptionDetails.Exception.Description)
	}
	if r.Result.Value == nil {
		return "", nil
	}
	return fmt.Sprint(r.Result.Value), nil
}

// Await runs a script until its text is not empty.
func (b *Tab) Await(t *testing.T, what, script string) string {
	t.Helper()
	ctx := soon(t)
	for {
		text, err := b.eval(ctx, script)
		switch {
		case err != nil:
			t.Fatalf("waiting for %s: %v", what, err)
		case text != "":
			return text
		}
		select {
		case <-ctx.Done():
			b.Picture(t, "stuck")
			t.Fatalf("waiting for %s: %v", what, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Click presses the mouse on an element, as soon as it is there.
func (b *Tab) Click(t *testing.T, selector string) {
	t.Helper()
	place := b.Await(t, selector, fmt.Sprintf(`(() => {
		const e = document.querySelector(%q);
		if (!e) return "";
		e.scrollIntoView({block: "center", behavior: "instant"});
		const r = e.getBoundingClientRect();
		return r.width ? (r.x + r.width / 2) + " " + (r.y + r.height / 2) : "";
	})()`, selector))
	var x, y float64
	if _, err := fmt.Sscan(place, &x, &y); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"mousePressed", "mouseReleased"} {
		must(t, b.call(soon(t), "Input.dispatchMouseEvent", object{"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}, nil))
	}
}

// Picture writes a screenshot of the whole page to the test's artifacts.
func (b *Tab) Picture(t *testing.T, name string) {
	t.Helper()
	var shot struct{ Data string }
	if err := b.call(soon(t), "Page.captureScreenshot", object{"captureBeyondViewport": true}, &shot); err != nil {
		t.Logf("no picture: %v", err)
		return
	}
	image, err := base64.StdEncoding.DecodeString(shot.Data)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(t.ArtifactDir(), strings.ReplaceAll(name, " ", "-")+".png"), image, 0o600))
}

// Text is a script for the text of an element.
func Text(selector string) string {
	return fmt.Sprintf(`(e => e?.value || e?.innerText || "")(document.querySelector(%q))`, selector)
}
