package stub

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/apis/tensorflow"
)

// Version is one version of a model.
type Version struct {
	// Digit is that of [Model].
	Digit int
	// Input and Output are the names of its tensors, as long as the usual ones;
	// empty: these.
	Input, Output string
}

// Versions serves several versions of one model in the tensorflow or the v2 protocol,
// the highest where a request names none. It counts which ones were asked.
type Versions struct {
	Protocol, Name string

	mu    sync.Mutex
	there map[int]Version
	asked map[int]int
}

// Set says which versions there are.
func (v *Versions) Set(there map[int]Version) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.there, v.asked = there, map[int]int{}
}

// Asked is how often each version was asked for a prediction.
func (v *Versions) Asked() map[int]int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.asked)
}

// numbers are the versions that there are, in ascending order.
func (v *Versions) numbers() []int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.there))
}

// Answer is the model's.
func (v *Versions) Answer(c Call) Answer {
	number, labelled := v.named(&c)
	all := v.numbers()
	switch {
	case labelled:
		return refusing(fmt.Errorf("unrecognized servable version label"))
	case c.Path == "/v2/repository/index":
		return v.index(all)
	case number < 0 && c.Path == "/v1/models/"+v.Name:
		return v.status(all)
	}
	if number < 0 && len(all) > 0 {
		number = all[len(all)-1]
	}
	v.mu.Lock()
	one, ok := v.there[number]
	predicts := strings.HasSuffix(c.Path, ":predict") || strings.HasSuffix(c.Path, "/infer") || strings.HasSuffix(c.Path, "/Predict") || strings.HasSuffix(c.Path, "/ModelInfer")
	if predicts && ok {
		v.asked[number]++
	}
	v.mu.Unlock()
	if !ok {
		text := fmt.Sprintf("Servable not found for request: Specific(%s, %d)", v.Name, number)
		body, _ := json.Marshal(map[string]string{"error": text})
		return Answer{Status: http.StatusNotFound, Body: body, Code: codes.NotFound, Message: text}
	}
	m := Model{Protocol: v.Protocol, Name: v.Name, Digit: one.Digit}
	answer := m.Answer
	if one.Input != "" {
		answer = m.Renamed(one.Input, one.Output)
	}
	a := answer(c)
	if predicts && a.Status == 0 && a.Code == codes.OK {
		a.Body = stamped(c, a.Body, number)
	}
	return a
}

// named takes the version out of a request; -1: it names none.
func (v *Versions) named(c *Call) (number int, labelled bool) {
	if c.GRPC {
		return v.inMessage(c)
	}
	before, after, found := strings.Cut(c.Path, "/versions/")
	if !found {
		return -1, strings.Contains(c.Path, "/labels/")
	}
	end := strings.IndexAny(after, "/:")
	if end < 0 {
		end = len(after)
	}
	number, err := strconv.Atoi(after[:end])
	if err != nil {
		number = 0
	}
	c.Path = before + after[end:]
	return number, false
}

func (v *Versions) inMessage(c *Call) (number int, labelled bool) {
	if v.Protocol == "v2" {
		// Requests about models have the fields of this one.
		var m inference.ModelMetadataRequest
		if proto.Unmarshal(c.Body, &m) != nil || m.Version == "" {
			return -1, false
		}
		number, err := strconv.Atoi(m.Version)
		if err != nil {
			return 0, false
		}
		return number, false
	}
	var m tensorflow.GetModelStatusRequest
	_ = proto.Unmarshal(c.Body, &m)
	switch choice := m.GetModelSpec().GetVersionChoice().(type) {
	case *tensorflow.ModelSpec_Version:
		return int(choice.Version.GetValue()), false
	case *tensorflow.ModelSpec_VersionLabel:
		return -1, true
	}
	return -1, false
}

func (v *Versions) status(all []int) Answer {
	lines := []any{}
	for _, number := range all {
		lines = append(lines, map[string]any{"version": strconv.Itoa(number), "state": "AVAILABLE", "status": map[string]string{"error_code": "OK", "error_message": ""}})
	}
	a, _ := marshalled(map[string]any{"model_version_status": lines})
	return a
}

func (v *Versions) index(all []int) Answer {
	lines := []any{}
	for _, number := range all {
		lines = append(lines, map[string]any{"name": v.Name, "version": strconv.Itoa(number), "state": "READY", "reason": ""})
	}
	a, _ := marshalled(lines)
	return a
}

// stamped writes the version into an answer that has a place for it.
func stamped(c Call, body []byte, number int) []byte {
	switch last(c.Path) {
	case "Predict":
		more, _ := proto.Marshal(&tensorflow.PredictResponse{ModelSpec: &tensorflow.ModelSpec{VersionChoice: &tensorflow.ModelSpec_Version{Version: wrapperspb.Int64(int64(number))}}})
		return append(body, more...)
	case "ModelInfer":
		more, _ := proto.Marshal(&inference.ModelInferResponse{ModelVersion: strconv.Itoa(number)})
		return append(body, more...)
	case "infer":
		return append(fmt.Appendf(nil, `{"model_version":"%d",`, number), body[1:]...)
	}
	return body
}
