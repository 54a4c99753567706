package gateway

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Trust says whose requests are served besides those to this machine by a name
// of its own. Any page in a browser can send requests to localhost; what tells
// them from those of programs is that they say where they come from.
type Trust struct {
	// Hosts are other names by which the gateway may be called; "*" is any.
	Hosts []string
	// Origins are those of pages that may use it, such as https://a.example; "*"
	// is any.
	Origins []string
}

// SetTrust changes whom the gateway serves. It is to be called before [Gateway.Serve].
func (g *Gateway) SetTrust(t Trust) { g.trust = t }

// admits refuses a request under a name that is not this machine's, and one of a
// page that is not the gateway's own. It answers those that only ask, and allows
// pages that are trusted to read answers.
func (t *Trust) admits(w http.ResponseWriter, r *http.Request) bool {
	if name := hostname(r.Host); name != "" && !loopback(name) && !slices.Contains(t.Hosts, "*") && !slices.Contains(t.Hosts, name) {
		writeJSON(w, http.StatusForbidden, map[string]any{"error": fmt.Sprintf("host %q is not this machine: allow it with --allow-host", name)})
		return false
	}
	origin := r.Header.Get("Origin")
	if origin == "" || t.own(origin, r.Host) {
		return true
	}
	if !slices.Contains(t.Origins, "*") && !slices.Contains(t.Origins, origin) {
		writeJSON(w, http.StatusForbidden, map[string]any{"error": fmt.Sprintf("pages of %s may not use this gateway: allow them with --allow-origin", origin)})
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		h.Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
		h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		w.WriteHeader(http.StatusNoContent)
		return false
	}
	return true
}

// own reports whether a page came from the gateway itself.
func (t *Trust) own(origin, host string) bool {
	u, err := url.Parse(origin)
	return err == nil && u.Host == host && (u.Scheme == "http" || u.Scheme == "https")
}

func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

func loopback(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	ip := net.ParseIP(name)
	return ip != nil && ip.IsLoopback()
}
