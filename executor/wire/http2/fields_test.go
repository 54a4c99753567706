package http2

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/http2/hpack"
)

// What is written for a peer is read alike by the library, whatever size the
// peer's table has.
func TestFieldsAreReadAlike(t *testing.T) {
	for _, size := range []uint32{0, 50, 300, 4096, 1 << 20} {
		table := newTable()
		decoder := hpack.NewDecoder(initialTable, nil)
		for round := range 30 {
			if round == 2 {
				table.resize(size)
			}
			want := []Field{{Name: ":status", Value: "200"}}
			block := append(table.begin(nil), status200)
			for i := range 12 {
				f := Field{Name: "often-" + strconv.Itoa(i), Value: strconv.Itoa(round % 7)}
				block, want = table.field(block, f), append(want, f)
				f = Field{Name: "x", Value: string(make([]byte, i*40))}
				block, want = appendField(block, f), append(want, f)
			}
			got, err := decoder.DecodeFull(block)
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("table of %d, round %d: %v, %s", size, round, err, diff)
			}
		}
	}
}

func TestTimeout(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0n", 1: "1n", 1500 * time.Microsecond: "1500000n", 5 * time.Second: "5000000u", time.Hour: "3600000m", 1 << 62: "76861434M", 1<<63 - 1: "2562048H",
	} {
		if got := string(appendTimeout(nil, d)); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
		got, ok := parseTimeout(want)
		if !ok || got < d || got-d > d/1_000_000+1 {
			t.Errorf("%q is read %v, %v", want, got, ok)
		}
	}
	for _, wrong := range []string{"", "1", "s", "1s", "-1S", "+1S", "123456789S", "1.5S", "1 S"} {
		if d, ok := parseTimeout(wrong); ok {
			t.Errorf("%q is read %v", wrong, d)
		}
	}
}

func TestEscaped(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "plain text": "plain text", "100%": "100%25", "a\nb": "a%0Ab", "\u263a": "%E2%98%BA", "\x7f": "%7F", "bad \xff": "bad %EF%BF%BD",
	} {
		if got := escaped(text); got != want {
			t.Errorf("%q is written %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]string{"%": "%", "%2": "%2", "%zz": "%zz", "%41%": "A%", "a%20b": "a b"} {
		if got := unescaped(text); got != want {
			t.Errorf("%q is read %q, want %q", text, got, want)
		}
	}
	if got := unescaped(escaped(special)); got != special {
		t.Errorf("%q came back as %q", special, got)
	}
}
