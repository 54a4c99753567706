package webhook

import (
	"crypto/x509"
	"testing"
	"time"
)

// short lets years of renewals pass in a test.
var short = Lifetimes{Authority: 90 * time.Hour, Serving: 30 * time.Hour, Overlap: 4 * time.Hour}

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

var hosts = []string{"hook.system.svc", "127.0.0.1"}

// TestRenewalsNeverBreakACall lets time pass in small steps, and holds at each
// that a client whose bundle is nearly an overlap old accepts what a replica
// serves that has not looked for nearly an overlap either.
func TestRenewalsNeverBreakACall(t *testing.T) {
	const step, steps = 20 * time.Minute, 3 * 400
	lag := int(short.Overlap/step) - 1
	var history []keyring
	var k keyring
	authorities, served := map[string]bool{}, map[string]bool{}
	for i := range steps {
		now := start.Add(time.Duration(i) * step)
		before, err := k.withAuthority(now, short)
		if err != nil {
			t.Fatal(err)
		}
		after, err := before.withServing(now, short, hosts)
		if err != nil {
			t.Fatal(err)
		}
		k = throughSecret(t, after.withoutOld(now, short))
		if !k.equal(after.withoutOld(now, short)) {
			t.Fatalf("at %s: the Secret gives back another keyring", now)
		}
		history = append(history, k)
		authorities[string(k.authorities[0].Raw)], served[string(k.serving.Raw)] = true, true
		for _, old := range []int{i, max(0, i-lag)} {
			for _, slow := range []int{i, max(0, i-lag)} {
				verify(t, now, history[old], history[slow])
			}
		}
		if n := len(k.authorities); n > 2 {
			t.Fatalf("at %s: %d authorities are trusted", now, n)
		}
	}
	if len(authorities) < 6 || len(served) < 18 {
		t.Errorf("%d authorities and %d certificates were made in %s", len(authorities), len(served), step*steps)
	}
}

// verify calls a replica that serves from one keyring as a client that trusts
// another.
func verify(t *testing.T, now time.Time, client, replica keyring) {
	t.Helper()
	roots := x509.NewCertPool()
	for _, c := range client.authorities {
		roots.AddCert(c)
	}
	for _, host := range hosts {
		if _, err := replica.serving.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now}); err != nil {
			t.Fatalf("at %s: %v", now, err)
		}
	}
}

func throughSecret(t *testing.T, k keyring) keyring {
	t.Helper()
	data, err := k.encode()
	if err != nil {
		t.Fatal(err)
	}
	return decodeKeyring(data)
}

func made(t *testing.T, now time.Time) keyring {
	t.Helper()
	k, err := keyring{}.withAuthority(now, short)
	if err == nil {
		k, err = k.withServing(now, short, hosts)
	}
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestWhatIsLostIsMadeAnew damages the Secret in one place after another.
func TestWhatIsLostIsMadeAnew(t *testing.T) {
	whole, err := made(t, start).encode()
	if err != nil {
		t.Fatal(err)
	}
	other, err := made(t, start).encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, key string
		value     []byte
	}{
		{"nothing", "", nil},
		{"no authority", authoritiesKey, nil},
		{"no key of the authority", authorityKeyKey, nil},
		{"another key of the authority", authorityKeyKey, other[authorityKeyKey]},
		{"no certificate", servingKey, []byte("none")},
		{"another certificate", servingKey, other[servingKey]},
		{"a key cut short", servingKeyKey, whole[servingKeyKey][:40]},
	} {
		data := map[string][]byte{}
		for key, value := range whole {
			data[key] = value
		}
		data[c.key] = c.value
		k, err := decodeKeyring(data).withAuthority(start, short)
		if err == nil {
			k, err = k.withServing(start, short, hosts)
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		verify(t, start, k, k)
		if k.key == nil || !matches(k.authorities[0], k.key) {
			t.Errorf("%s: the newest authority cannot sign", c.name)
		}
	}
}

func TestOtherHostsGetACertificateAtOnce(t *testing.T) {
	k := made(t, start)
	k, err := k.withServing(start, short, append([]string{"new.system.svc"}, hosts...))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.serving.VerifyHostname("new.system.svc"); err != nil {
		t.Error(err)
	}
}

// TestAfterALongSleep holds that an operator that was away while all expired
// serves again at once.
func TestAfterALongSleep(t *testing.T) {
	now := start.Add(10 * short.Authority)
	k, err := made(t, start).withAuthority(now, short)
	if err == nil {
		k, err = k.withServing(now, short, hosts)
	}
	if err != nil {
		t.Fatal(err)
	}
	verify(t, now, k, k)
	if len(k.authorities) != 1 {
		t.Errorf("%d authorities are trusted, want the new one", len(k.authorities))
	}
}
