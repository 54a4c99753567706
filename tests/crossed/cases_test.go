package crossed

// crossing is a request to one model. The transports of the seldon protocol are
// both, unless rest says that the request or its answer has only one.
type crossing struct {
	name, model string
	// protocol is the client's; empty: seldon. method is the parameter of that
	// name.
	protocol, method string
	request          string
	// want is in the answer; empty: what the model itself says, row by row, or
	// what it says of other rows, which have a name.
	want, says string
	rest       bool
	// rpc says that it has gRPC alone.
	rpc bool
	// unsaid means that the node does not say which server it has.
	unsaid bool
}

func (c crossing) implementation() string {
	if c.unsaid {
		return ""
	}
	return implementations()[c.model]
}

func (c crossing) transports() []string {
	switch {
	case c.protocol != "seldon" || c.rest:
		return []string{"REST"}
	case c.rpc:
		return []string{"gRPC"}
	}
	return []string{"REST", "gRPC"}
}

func implementations() map[string]string {
	return map[string]string{
		"person": "SKLEARN_SERVER", "holes": "SKLEARN_SERVER", "line": "SKLEARN_SERVER", "signs": "SKLEARN_SERVER", "texts": "SKLEARN_SERVER", "trees": "XGBOOST_SERVER",
		"signed": "MLFLOW_SERVER", "unsigned": "MLFLOW_SERVER", "array": "MLFLOW_SERVER", "frame": "MLFLOW_SERVER", "days": "MLFLOW_SERVER",
	}
}

// tables are the same rows in each form that a seldon client may send them.
func tables() map[string]string {
	return map[string]string{
		"ndarray":   `{"data":{"names":["age","city","member"],"ndarray":[[20,"rome",true],[20,"oslo",false],[60,"rome",true]]}}`,
		"reordered": `{"data":{"names":["city","member","age"],"ndarray":[["rome",true,20],["oslo",false,20],["rome",true,60]]}}`,
		"records":   `{"jsonData":[{"age":20,"city":"rome","member":true},{"age":20,"city":"oslo","member":false},{"age":60,"city":"rome","member":true}]}`,
		"columns":   `{"jsonData":{"age":[20,20,60],"city":["rome","oslo","rome"],"member":[true,false,true]}}`,
		"split":     `{"jsonData":{"columns":["age","city","member"],"index":[0,1,2],"data":[[20,"rome",true],[20,"oslo",false],[60,"rome",true]]}}`,
		"cells":     `{"jsonData":{"age":{"0":20,"1":20,"2":60},"city":{"0":"rome","1":"oslo","2":"rome"},"member":{"0":true,"1":false,"2":true}}}`,
	}
}

// pd is the same table as a v2 client sends it.
const pd = `{"parameters":{"content_type":"pd"},"inputs":[{"name":"age","shape":[3,1],"datatype":"INT64","data":[20,20,60]},
	{"name":"city","shape":[3,1],"datatype":"BYTES","data":["rome","oslo","rome"],"parameters":{"content_type":"str"}},
	{"name":"member","shape":[3,1],"datatype":"BOOL","data":[true,false,true]}]}`

func cases() []crossing {
	var all []crossing
	for _, model := range []string{"person", "signed", "unsigned"} {
		for name, request := range tables() {
			if model == "person" && name == "reordered" {
				continue
			}
			all = append(all, crossing{name: name, model: model, method: "predict", request: request})
		}
		all = append(all,
			crossing{name: "TensorFlow's rows", model: model, method: "predict", protocol: "tensorflow",
				request: `{"instances":[{"age":20,"city":"rome","member":true},{"age":20,"city":"oslo","member":false},{"age":60,"city":"rome","member":true}]}`},
			crossing{name: "TensorFlow's columns", model: model, method: "predict", protocol: "tensorflow",
				request: `{"inputs":{"age":[20,20,60],"city":["rome","oslo","rome"],"member":[true,false,true]}}`},
			crossing{name: "v2 with pd", model: model, protocol: "v2", request: pd})
	}
	all = append(all,
		crossing{name: "no names", model: "signed", request: `{"data":{"ndarray":[[20,"rome",true]]}}`,
			want: `the model takes its columns by name: "age","city","member"; name them in data.names, or send jsonData`},
		crossing{name: "another name", model: "signed", request: `{"jsonData":[{"age":20,"town":"rome","member":true}]}`,
			want: `the model has no such input; it takes "age","city","member"`},
		crossing{name: "a missing truth", model: "person", method: "predict", request: `{"jsonData":[{"age":20,"city":"rome","member":null},{"age":20,"city":"rome","member":true}]}`,
			want: `null stands among true and false`},
		crossing{name: "another name", model: "person", method: "predict", request: `{"jsonData":[{"age":20,"town":"rome","member":true}]}`,
			want: `columns are missing: {'city'}`},
		crossing{name: "no names", model: "person", method: "predict", request: `{"data":{"ndarray":[[20,"rome",true]]}}`,
			want: `columns are missing: {`},
		crossing{name: "a missing text", model: "person", method: "predict", rest: true, says: "missing text",
			request: `{"jsonData":[{"age":20,"city":null,"member":true},{"age":20,"city":"rome","member":true}]}`},
		crossing{name: "a missing text", model: "unsigned", rest: true, says: "missing text",
			request: `{"jsonData":[{"age":20,"city":null,"member":true},{"age":20,"city":"rome","member":true}]}`},
		crossing{name: "a missing text over gRPC", model: "person", method: "predict", rpc: true, request: `{"jsonData":[{"age":20,"city":null,"member":true},{"age":20,"city":"rome","member":true}]}`,
			want: `a missing value among strings has no place in bytes`},
		crossing{name: "a number among strings", model: "person", method: "predict", request: `{"jsonData":[{"age":20,"city":7,"member":true},{"age":20,"city":"rome","member":true}]}`,
			want: `"city": row 0: 7 stands among strings`},
		crossing{name: "a list in a cell", model: "person", method: "predict", request: `{"jsonData":[{"age":20,"city":["rome"],"member":true}]}`,
			want: `"city": row 0: a cell is a number,a string,true,false or null`},
		crossing{name: "infinity", model: "signs", method: "predict", request: `{"data":{"ndarray":[["-Infinity"],["NaN"],[1]]}}`},
		crossing{name: "infinity to a server that says itself what it is", model: "signs", unsaid: true, request: `{"data":{"ndarray":[["-Infinity"],["NaN"],[1]]}}`},
		crossing{name: "missing number", model: "holes", method: "predict", request: `{"data":{"names":["a","b"],"ndarray":[[0,null],[3,2]]}}`},
		crossing{name: "NaN", model: "holes", method: "predict", request: `{"data":{"ndarray":[[0,"NaN"],[3,2]]}}`},
		crossing{name: "NaN to a server that says itself what it is", model: "holes", unsaid: true, request: `{"data":{"ndarray":[[0,"NaN"],[3,2]]}}`},
		crossing{name: "missing number", model: "array", request: `{"data":{"ndarray":[[0,null],[3,2]]}}`},
		crossing{name: "NaN", model: "array", request: `{"data":{"ndarray":[[0,"NaN"],[3,2]]}}`},
		crossing{name: "by default", model: "line", request: `{"data":{"ndarray":[[3.0]]}}`, want: `the node's parameter "method" says what to ask instead, such as predict`},
		crossing{name: "predict", model: "line", method: "predict", request: `{"data":{"ndarray":[[2]]}}`},
		crossing{name: "texts", model: "texts", method: "predict", request: `{"data":{"ndarray":["good","poor"]}}`},
		crossing{name: "TensorFlow's texts", model: "texts", method: "predict", protocol: "tensorflow", request: `{"instances":["good","poor"]}`},
		crossing{name: "numbers", model: "trees", request: `{"data":{"ndarray":[[0,"NaN"],[3,2]]}}`, want: `[[0.005`},
		crossing{name: "a data frame", model: "frame", request: `{"data":{"names":["age"],"ndarray":[[1],[2]]}}`, want: `"ndarray":[[0.25,"a"],[0.25,"a"]]`},
		crossing{name: "a data frame in TensorFlow's rows", model: "frame", protocol: "tensorflow", request: `{"instances":[[1],[2]]}`, want: `"predictions":[{"no":0.25,"who":"a"},{"no":0.25,"who":"a"}]`},
		crossing{name: "days", model: "days", request: `{"jsonData":[{"day":"2026-11-28","n":1},{"day":"2026-12-01","n":2}]}`},
	)
	for i := range all {
		if all[i].protocol == "" {
			all[i].protocol = "seldon"
		}
	}
	return all
}
