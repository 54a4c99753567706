package protocol

import (
	"fmt"
	"strconv"
	"strings"
)

// HeaderPredictor names in an answer the predictor that gave it. HeaderRoute says
// where its routers sent the request, for instance
//
//	Seldon-Route: ab=1;to="new"
//
// which is a dictionary of structured fields (RFC 9651): the router, the number of
// the child that it chose and the child's name. Feedback may bring it back in
// place of response.meta.routing. Over gRPC both are metadata, in small letters.
const (
	HeaderPredictor = "Seldon-Predictor"
	HeaderRoute     = "Seldon-Route"
)

// AppendRoute appends what a router chose to the value of [HeaderRoute]. A name that
// cannot stand there, as those of containers can, is left out.
func AppendRoute(value, router string, number int, child string) string {
	if !isKey(router) {
		return value
	}
	if value != "" {
		value += ", "
	}
	value += router + "=" + strconv.Itoa(number)
	if isKey(child) {
		value += `;to="` + child + `"`
	}
	return value
}

// ParseRoute reads the value of [HeaderRoute]: the number of a child by router.
func ParseRoute(value string) (map[string]int32, error) {
	routes := map[string]int32{}
	for part := range strings.SplitSeq(value, ",") {
		choice, _, _ := strings.Cut(part, ";")
		router, number, found := strings.Cut(strings.TrimSpace(choice), "=")
		n, err := strconv.ParseInt(number, 10, 32)
		if !found || err != nil {
			return nil, fmt.Errorf("%s: %q is no choice of a router, such as ab=1", HeaderRoute, strings.TrimSpace(part))
		}
		routes[router] = int32(n)
	}
	return routes, nil
}

// isKey reports whether a name can stand in the header as it is.
func isKey(name string) bool {
	return name != "" && strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_.*") == ""
}
