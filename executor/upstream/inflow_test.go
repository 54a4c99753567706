package upstream

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"testing"

	"golang.org/x/net/http2"

	"github.com/prime-radiant/radiant/executor/memory"
)

// framed writes messages of these lengths as frames of HTTP/2 on one stream,
// cut at most bytes each.
func framed(t *testing.T, most int, padded bool, lengths ...int) []byte {
	t.Helper()
	var data []byte
	for _, n := range lengths {
		data = append(data, 0)
		data = binary.BigEndian.AppendUint32(data, uint32(n))
		data = append(data, bytes.Repeat([]byte{7}, n)...)
	}
	var out bytes.Buffer
	out.WriteString(http2.ClientPreface)
	f := http2.NewFramer(&out, nil)
	_ = f.WriteSettings()
	for len(data) > 0 {
		n := min(most, len(data))
		var padding []byte
		if padded {
			padding = make([]byte, 5)
		}
		if err := f.WriteDataPadded(1, n == len(data), data[:n], padding); err != nil {
			t.Fatal(err)
		}
		data = data[n:]
		_ = f.WriteWindowUpdate(0, 10)
	}
	return out.Bytes()
}

// pieces is a connection from which bytes come in pieces of random sizes.
type pieces struct {
	net.Conn
	left []byte
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.left) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.left[:min(len(p.left), 1+rand.IntN(20_000))])
	p.left = p.left[n:]
	return n, nil
}

func (p *pieces) Close() error { return nil }

// What comes in goes on as it is, however it is cut, and nothing stays taken.
func TestInflowHandsOn(t *testing.T) {
	for _, most := range []int{1, 3, 7, 1000, 16384} {
		lengths := []int{0, 3, 70_000, 0, 5}
		if most > 100 {
			lengths = append(lengths, 3*Large, 1, Large)
		}
		for _, padded := range []bool{false, true} {
			text := framed(t, most, padded, lengths...)
			b := memory.NewBudget(100 << 20)
			c := newInflowConn(&pieces{left: text}, b, false)
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("frames of %d bytes: %d bytes became %d, %v", most, len(text), len(got), err)
			}
			if used, _, _ := b.State(); used != 0 {
				t.Errorf("frames of %d bytes: %d bytes stay taken", most, used)
			}
		}
	}
}

// A large message takes its memory while it comes, and one that finds none is
// made one that gRPC refuses.
func TestInflowTakes(t *testing.T) {
	text := framed(t, 16384, false, 4*Large)
	b := memory.NewBudget(10 << 20)
	c := newInflowConn(&pieces{left: text[:len(text)/2]}, b, false)
	_, _ = io.ReadAll(c)
	if used, _, _ := b.State(); used != 4*Large {
		t.Errorf("%d bytes are taken", used)
	}
	_ = c.Close()
	if used, _, _ := b.State(); used != 0 {
		t.Errorf("%d bytes stay taken by a connection that is closed", used)
	}
	small := memory.NewBudget(2 << 20)
	got, _ := io.ReadAll(newInflowConn(&pieces{left: text}, small, false))
	if len(got) != len(text) || !bytes.Contains(got[:200], []byte{0, 0xff, 0xff, 0xff, 0xff}) {
		t.Error("a message without memory is handed on")
	}
}
