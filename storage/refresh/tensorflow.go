package refresh

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// askTime bounds a question to the server, and mostStatus its answer.
const (
	askTime    = 5 * time.Second
	mostStatus = 1 << 20
)

// TensorFlow asks a server for the status of its model by TensorFlow Serving's REST
// interface: url is that of the model, as in http://localhost:8501/v1/models/mnist.
func TensorFlow(client *http.Client, url string) func(context.Context) (map[int64]Serving, error) {
	return func(ctx context.Context) (map[int64]Serving, error) {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("the server answers %s", response.Status)
		}
		var answer struct {
			Versions []struct {
				Version string `json:"version"`
				State   string `json:"state"`
				Status  struct {
					Code    string `json:"error_code"`
					Message string `json:"error_message"`
				} `json:"status"`
			} `json:"model_version_status"`
		}
		if err := json.NewDecoder(io.LimitReader(response.Body, mostStatus)).Decode(&answer); err != nil {
			return nil, fmt.Errorf("reading the status of the model: %w", err)
		}
		all := map[int64]Serving{}
		for _, v := range answer.Versions {
			number, err := strconv.ParseInt(v.Version, 10, 64)
			if err != nil {
				continue
			}
			s := Serving{Available: v.State == "AVAILABLE"}
			if v.State == "END" && v.Status.Code != "" && v.Status.Code != "OK" {
				s.Failed = v.Status.Code + ": " + v.Status.Message
			}
			all[number] = s
		}
		return all, nil
	}
}
