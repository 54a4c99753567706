package predictor

import "testing"

// Headers that say how a request came make no difference, in whichever case they
// are written; all others do.
func TestHeadersThatAreAlike(t *testing.T) {
	usual := map[string][]string{"X-Tenant": {"a"}, "Content-Type": {"application/json"}}
	of := func(name string, values ...string) map[string][]string {
		h := map[string][]string{name: values}
		for n, v := range usual {
			if n != name {
				h[n] = v
			}
		}
		return h
	}
	want := string(appendHeaders(nil, usual))
	for name, alike := range map[string]bool{
		"User-Agent": true, "user-agent": true, "Traceparent": true, "X-Forwarded-For": true, "seldon-puid": true, "Cache-Control": true,
		"Authorization": false, "X-Tenant": false, "Cookie": false, "x-user": false, "X-Forwarded-User": false, "x-forwarded-client-cert": false, "X-Forwarded-Access-Token": false,
	} {
		if got := string(appendHeaders(nil, of(name, "b"))); (got == want) != alike {
			t.Errorf("%s: alike is not %v: %s", name, alike, got)
		}
	}
	if one, two := appendHeaders(nil, of("X-A", "b,c")), appendHeaders(nil, of("X-A", "b", "c")); string(one) == string(two) {
		t.Errorf("one value and two are alike: %s", one)
	}
}
