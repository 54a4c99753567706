package storage

import (
	"net/url"
	"strings"
)

// Redact returns uri without what may be secret: user, password, query and
// fragment. Text that is no URI loses everything after a question mark, and
// everything up to its last at sign: where the authority ends is not clear.
func Redact(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		uri, _, _ = strings.Cut(uri, "?")
		if scheme, rest, ok := strings.Cut(uri, "://"); ok {
			return scheme + "://" + rest[strings.LastIndex(rest, "@")+1:]
		}
		return uri
	}
	if u.Scheme == "" && u.Host == "" {
		return uri
	}
	u.User, u.RawQuery, u.ForceQuery, u.Fragment, u.RawFragment = nil, "", false, "", ""
	return u.String()
}
