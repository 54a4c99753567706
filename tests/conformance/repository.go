package conformance

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/prime-radiant/radiant/apis/inference"
	"github.com/prime-radiant/radiant/tests/kit/stub"
)

// repository checks which requests about the models of servers reach them.
func repository(t *testing.T, start Start) {
	t.Run("refused", func(t *testing.T) { repositoryRefused(t, start) })
	t.Run("one server", func(t *testing.T) { repositoryOfOne(t, start) })
	t.Run("several servers", func(t *testing.T) { repositoryOfSeveral(t, start) })
	t.Run("paths", func(t *testing.T) { repositoryPaths(t, start) })
}

// repositoryPaths are taken as they are known to gateways, which may have rules for them
// and not read percent signs.
func repositoryPaths(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1), "--repository_api", "all")
	inRepository(t, cs["a"], "a")
	for _, path := range []string{"/v2/%72epository/index", "/%762/repository/models/a/load", "/v2/repository/models/a/%6coad", "/v2/repository/models/a%2Fload"} {
		_, _, err := post(soon(t), "http://"+e.REST+path, "application/json", []byte("{}"))
		failed(t, wire{}, err, failure{http.StatusBadRequest, codes.InvalidArgument, "write the path as /v2/repository/"})
	}
	if calls := cs["a"].Calls(); len(calls) > 0 {
		t.Errorf("what was refused reached the server: %v", paths(calls))
	}
	if _, _, err := post(soon(t), "http://"+e.REST+"/v2/repository/models/%61%20b%2525/load", "application/json", []byte("{}")); err != nil {
		t.Error(err)
	}
}

// inRepository answers as a server whose model of this name is loaded.
func inRepository(t *testing.T, s *stub.Server, model string) {
	t.Helper()
	index, err := proto.Marshal(&inference.RepositoryIndexResponse{Models: []*inference.RepositoryIndexResponse_ModelIndex{{Name: model, Version: "1", State: "READY"}}})
	if err != nil {
		t.Fatal(err)
	}
	s.Otherwise(func(c stub.Call) stub.Answer {
		switch {
		case c.GRPC && strings.HasSuffix(c.Path, "/RepositoryIndex"):
			return stub.Answer{Body: index}
		case c.Path == "/v2/repository/index":
			return stub.Answer{Body: []byte(`[{"name":"` + model + `","version":"1","state":"READY","reason":""}]`)}
		}
		return stub.Answer{}
	})
}

// repositoryRequest asks over REST, and over gRPC by the method of the same meaning.
func repositoryRequest(t *testing.T, e Executor, rpc bool, what, model string) (answer string, err error) {
	t.Helper()
	if !rpc {
		path := "/v2/repository/index"
		if what != "index" {
			path = "/v2/repository/models/" + url.PathEscape(model) + "/" + what
		}
		body, _, err := post(soon(t), "http://"+e.REST+path, "application/json", []byte(`{"parameters":{}}`))
		return string(body), err
	}
	switch what {
	case "index":
		var out inference.RepositoryIndexResponse
		err := invoke(soon(t), e.at(inference.GRPCInferenceService_RepositoryIndex_FullMethodName), &inference.RepositoryIndexRequest{}, &out)
		var names []string
		for _, m := range out.Models {
			names = append(names, `"name":"`+m.Name+`"`)
		}
		return strings.Join(names, " "), err
	case "load":
		return "", invoke(soon(t), e.at(inference.GRPCInferenceService_RepositoryModelLoad_FullMethodName), &inference.RepositoryModelLoadRequest{ModelName: model}, &inference.RepositoryModelLoadResponse{})
	}
	return "", invoke(soon(t), e.at(inference.GRPCInferenceService_RepositoryModelUnload_FullMethodName), &inference.RepositoryModelUnloadRequest{ModelName: model}, &inference.RepositoryModelUnloadResponse{})
}

func repositoryRefused(t *testing.T, start Start) {
	for _, c := range []struct {
		args    []string
		refused []string
		allowed []string
	}{
		{nil, []string{"index", "load", "unload"}, nil},
		{[]string{"--repository_api", "index"}, []string{"load", "unload"}, []string{"index"}},
	} {
		e, cs := launch(t, start, "v2", model("a", 1), c.args...)
		inRepository(t, cs["a"], "a")
		for _, rpc := range []bool{false, true} {
			for _, what := range c.refused {
				_, err := repositoryRequest(t, e, rpc, what, "a")
				failed(t, wire{grpc: rpc}, err, failure{http.StatusForbidden, codes.PermissionDenied, "RADIANT_REPOSITORY_API"})
			}
			if calls := cs["a"].Calls(); len(calls) > 0 {
				t.Errorf("what was refused reached the server: %v", paths(calls))
			}
		}
		for _, what := range c.allowed {
			if _, err := repositoryRequest(t, e, false, what, "a"); err != nil {
				t.Error(err)
			}
		}
	}
}

func repositoryOfOne(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1), "--repository_api", "all")
	inRepository(t, cs["a"], "a")
	for _, rpc := range []bool{false, true} {
		if answer, err := repositoryRequest(t, e, rpc, "index", ""); err != nil || !strings.Contains(answer, `"name":"a"`) {
			t.Errorf("index is %s, %v", answer, err)
		}
		// A server may have models that no node is named after.
		for _, name := range []string{"a", "another one"} {
			for _, what := range []string{"load", "unload"} {
				if _, err := repositoryRequest(t, e, rpc, what, name); err != nil {
					t.Error(err)
				}
				calls := cs["a"].Calls()
				last := calls[len(calls)-1]
				want := "/v2/repository/models/" + url.PathEscape(name) + "/" + what
				if rpc {
					want = name
					var asked inference.RepositoryModelLoadRequest // That to unload has the same fields.
					if err := proto.Unmarshal(last.Body, &asked); err != nil || asked.ModelName != want {
						t.Errorf("%s asked for %v, %v", last.Path, &asked, err)
					}
				} else if last.Path != want || string(last.Body) != `{"parameters":{}}` {
					t.Errorf("asked %s %s, want %s", last.Path, last.Body, want)
				}
			}
		}
	}
}

func repositoryOfSeveral(t *testing.T, start Start) {
	e, cs := launch(t, start, "v2", model("a", 1, model("none", 4, model("b", 2, speaking("tensorflow", model("c", 3))))), "--repository_api", "all")
	inRepository(t, cs["a"], "a")
	inRepository(t, cs["b"], "b")
	cs["none"].Otherwise(func(stub.Call) stub.Answer {
		return stub.Answer{Status: http.StatusNotFound, Code: codes.Unimplemented}
	})
	for _, rpc := range []bool{false, true} {
		answer, err := repositoryRequest(t, e, rpc, "index", "")
		if err != nil || !strings.Contains(answer, `"name":"a"`) || !strings.Contains(answer, `"name":"b"`) {
			t.Errorf("index is %s, %v", answer, err)
		}
		cs["b"].Otherwise(func(stub.Call) stub.Answer {
			return stub.Answer{Status: http.StatusServiceUnavailable, Code: codes.Unavailable}
		})
		if answer, err := repositoryRequest(t, e, rpc, "index", ""); err == nil {
			t.Errorf("of a server that is away the index is %s", answer)
		}
		inRepository(t, cs["b"], "b")
		before := len(cs["a"].Calls())
		if _, err := repositoryRequest(t, e, rpc, "load", "b"); err != nil || len(cs["a"].Calls()) != before {
			t.Errorf("loading the model of b asked %v, %v", paths(cs["a"].Calls()), err)
		}
		_, err = repositoryRequest(t, e, rpc, "load", "nobody")
		failed(t, wire{grpc: rpc}, err, failure{http.StatusNotFound, codes.NotFound, "name one of the nodes a, none, b"})
		_, err = repositoryRequest(t, e, rpc, "load", "c")
		failed(t, wire{grpc: rpc}, err, failure{http.StatusNotImplemented, codes.Unimplemented, `node "c" has no server of protocol v2`})
	}
}
