package translate

import (
	"testing"

	"github.com/prime-radiant/radiant/executor/message"
)

// branches are answers of routers at the bounds of the usual form.
func branches() map[string]bool {
	return map[string]bool{
		`{"data":{"ndarray":[1]}}`:   true,
		`{"data":{"ndarray":[[0]]}}`: true,
		` { "data" : { "names" : [ "t:0" , "b" ] , "ndarray" : [ [ 1 , 2.5 ] , [ -3 ] ] } , "meta" : { } } `: true,
		`{"meta":{},"data":{"ndarray":[-0.5,[1]],"names":[]}} and more`:                                      true,
		`{"data":{"tensor":{"shape":[1,1],"values":[2]}}}`:                                                   true,
		`{"data":{"tensor":{"values":[2]}}}`:                                                                 true,
		`{"data":{"tensor":{"shape":[1.0],"values":[2]}}}`:                                                   false,
		`{"data":{"tensor":{"shape":[99999999999],"values":[2]}}}`:                                           false,
		`{"data":{"tensor":{"shape":[],"shape":[],"values":[2]}}}`:                                           false,
		`{"data":{"ndarray":[2147483647]}}`:                                                                  false,
		`{"data":{"ndarray":[1e0]}}`:                                                                         false,
		`{"data":{"ndarray":[NaN]}}`:                                                                         false,
		`{"data":{"ndarray":[01]}}`:                                                                          false,
		`{"data":{"ndarray":[1,]}}`:                                                                          false,
		`{"data":{"ndarray":[1,"a"]}}`:                                                                       false,
		`{"data":{"ndarray":[1,null]}}`:                                                                      false,
		`{"data":{"ndarray":[[[1]]]}}`:                                                                       false,
		`{"data":{"ndarray":[[],[1]]}}`:                                                                      false,
		`{"data":{"ndarray":[]}}`:                                                                            false,
		`{"data":{"ndarray":[1],"tensor":{"values":[1]}}}`:                                                   false,
		`{"data":{"ndarray":[1],"ndarray":[2]}}`:                                                             false,
		`{"data":{"ndarray":[1]},"data":{"ndarray":[2]}}`:                                                    false,
		`{"data":{"ndarray":[1]},"meta":{},"meta":{}}`:                                                       false,
		`{"data":{"ndarray":[1]},"meta":{"tags":{}}}`:                                                        false,
		`{"data":{"ndarray":[1]},"meta":null}`:                                                               false,
		`{"data":{"ndarray":[1]},"x":1}`:                                                                     false,
		`{"data":{"ndarray":[1],"names":["\u0061"]}}`:                                                        false,
		"{\"data\":{\"ndarray\":[1],\"names\":[\"\xff\"]}}":                                                  false,
		`{"data":{"ndarray":[1],"names":null}}`:                                                              false,
		`{"data":{"ndarray":[1]}`:                                                                            false,
		`{"data":{}}`:                                                                                        false,
		`{"meta":{}}`:                                                                                        false,
		`{}`:                                                                                                 false,
		`[1]`:                                                                                                false,
		``:                                                                                                   false,
	}
}

// alike reports a branch that is read otherwise than by protobuf.
func alike(t *testing.T, body []byte) (usual bool) {
	t.Helper()
	got, usual := usualBranch(body)
	if !usual {
		return false
	}
	if want, err := anyJSONBranch(body); err != nil || got != want {
		t.Errorf("%q: branch %d, by protobuf %d, %v", body, got, want, err)
	}
	return true
}

func TestUsualBranch(t *testing.T) {
	for body, usual := range branches() {
		if alike(t, []byte(body)) != usual {
			t.Errorf("%s: usual is %v, want %v", body, !usual, usual)
		}
	}
}

func FuzzUsualBranch(f *testing.F) {
	for body := range branches() {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { alike(t, body) })
}

// TestBranchAllocations holds that a router's usual answer is read in place.
func TestBranchAllocations(t *testing.T) {
	p := message.Message{Body: []byte(`{"data":{"names":["t:0"],"ndarray":[[1]]},"meta":{}}`)}
	if n := testing.AllocsPerRun(100, func() {
		if branch, err := Branch(SeldonJSON, p); branch != 1 || err != nil {
			t.Fatal(branch, err)
		}
	}); n > 0 {
		t.Errorf("reading a router's answer allocates %v times", n)
	}
}
