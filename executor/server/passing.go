package server

import (
	"bytes"
	"net/textproto"
	"strings"

	"google.golang.org/grpc/metadata"
)

// Passing says which headers of a node's answer reach the client.
type Passing struct {
	none, all bool
	names     map[string]bool
	prefixes  []string
}

// NewPassing reads names separated by commas; one may end in *. "*" is all, and
// "none" is none.
func NewPassing(list string) Passing {
	p := Passing{names: map[string]bool{}}
	for name := range strings.SplitSeq(list, ",") {
		switch name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)); {
		case name == "*":
			p.all = true
		case name == "None" || name == "":
		case strings.HasSuffix(name, "*"):
			p.prefixes = append(p.prefixes, strings.TrimSuffix(name, "*"))
		default:
			p.names[name] = true
		}
	}
	p.none = !p.all && len(p.names) == 0 && len(p.prefixes) == 0
	return p
}

// own are fields that belong to a connection, to the form of a body, or that
// the executor says itself.
func own(name string) bool {
	switch name {
	case "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Date", "Server", "Location", "Retry-After", "Alt-Svc", "Strict-Transport-Security",
		puidHeader, "X-Content-Type-Options", jsonLength:
		return true
	}
	for _, prefix := range [...]string{"Content-", "Access-Control-", "Ce-", "Grpc-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Pass reports whether a field, in its canonical form, reaches the client.
func (p *Passing) Pass(name string) bool {
	if p.none || own(name) || strings.HasPrefix(name, ":") {
		return false
	}
	if p.all || p.names[name] {
		return true
	}
	for _, prefix := range p.prefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Wants reports whether a field of an answer is looked at here, in the form in
// which it comes: since it may reach the client, or says what the body is. It does
// not allocate for those that nearly all answers have.
func (p *Passing) Wants(name []byte) bool {
	for _, usual := range [...]string{"content-type", "content-length", "date", "server", "connection", "transfer-encoding", "keep-alive"} {
		if len(name) == len(usual) && bytes.EqualFold(name, []byte(usual)) {
			return false
		}
	}
	canonical := textproto.CanonicalMIMEHeaderKey(string(name))
	return canonical == jsonLength || p.Pass(canonical)
}

// metadata is what reaches the client of a node's metadata.
func (p *Passing) metadata(of map[string][]string) metadata.MD {
	var passed metadata.MD
	for name, values := range of {
		if p.Pass(textproto.CanonicalMIMEHeaderKey(name)) {
			if passed == nil {
				passed = metadata.MD{}
			}
			passed[name] = values
		}
	}
	return passed
}

// takesGzip reports whether a client asks for answers that are compressed by
// gzip, by the values of Accept-Encoding.
func takesGzip(accepted []string) bool {
	for _, value := range accepted {
		for item := range strings.SplitSeq(value, ",") {
			name, weight, _ := strings.Cut(item, ";")
			name, weight = strings.ToLower(strings.TrimSpace(name)), strings.ReplaceAll(weight, " ", "")
			if (name == "gzip" || name == "*") && weight != "q=0" {
				return true
			}
		}
	}
	return false
}
