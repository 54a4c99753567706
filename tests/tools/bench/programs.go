package main

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// nginxProgram passes requests on by proxy_pass or grpc_pass. Bodies stay in its
// memory, as they do in the executor's.
func nginxProgram(protocol string, c *component) *program {
	name := "nginx proxy_pass"
	if protocol == rpc {
		name = "nginx grpc_pass"
	}
	return &program{name: name, start: func(dir string, port int) *exec.Cmd {
		upstream, listen := c.httpPort, ""
		way := `location = /api/v1.0/predictions { proxy_pass http://node/predict; proxy_http_version 1.1; proxy_set_header Connection ""; }`
		if protocol == rpc {
			upstream, listen = c.grpcPort, " http2"
			way = `location = /seldon.protos.Seldon/Predict { rewrite ^ /seldon.protos.Model/Predict break; grpc_pass grpc://node; }`
		}
		conf := fmt.Sprintf(`daemon off; pid %[1]s/pid; error_log stderr crit; worker_processes 1; worker_rlimit_nofile 20000;
events { worker_connections 20000; }
http {
  access_log off; client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  keepalive_requests 1000000000; keepalive_timeout 1h; http2_max_concurrent_streams 256;
  client_max_body_size 0; client_body_buffer_size 2m; proxy_buffers 80 16k; proxy_busy_buffers_size 32k; grpc_buffer_size 16k;
  upstream node { server 127.0.0.1:%[3]d; keepalive 256; keepalive_requests 1000000000; }
  server { listen 127.0.0.1:%[2]d%[4]s; %[5]s }
}
`, dir, port, upstream, listen, way)
		path := filepath.Join(dir, "nginx.conf")
		if err := os.WriteFile(path, []byte(conf), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		return exec.Command("nginx", "-p", dir, "-c", path)
	}}
}

// bareGRPC is a proxy of grpc-go alone: this program, started as one.
func bareGRPC(c *component) *program {
	return &program{name: "bare grpc-go proxy", start: func(_ string, port int) *exec.Cmd {
		self, err := os.Executable()
		if err != nil {
			self = os.Args[0]
		}
		cmd := exec.Command(self, "proxy", fmt.Sprintf("127.0.0.1:%d=127.0.0.1:%d", port, c.grpcPort))
		cmd.Env = []string{"GOMAXPROCS=1"}
		return cmd
	}}
}

// node is a node of a graph, whose server is the component. kind is a type of
// nodes, or the name of a built-in one; more are further members.
func node(c *component, name, kind, more string, children ...string) string {
	what := fmt.Sprintf(`"type":%q,"endpoint":{"service_host":"127.0.0.1","httpPort":%d,"grpcPort":%d}`, kind, c.httpPort, c.grpcPort)
	switch kind {
	case "RANDOM_ABTEST", "AVERAGE_COMBINER":
		what = fmt.Sprintf(`"implementation":%q`, kind)
	case "TENSORFLOW":
		what = fmt.Sprintf(`"type":"MODEL","endpoint":{"service_host":"127.0.0.1","httpPort":%d,"protocol":"tensorflow"}`, c.httpPort)
	}
	list := ""
	for i, child := range children {
		if i > 0 {
			list += ","
		}
		list += child
	}
	return fmt.Sprintf(`{"name":%q,%s%s,"children":[%s]}`, name, what, more, list)
}

// single is the graph of one model.
func single(c *component) string { return node(c, "m", "MODEL", "") }

// executor is a build of the executor with a graph, on one processor.
func executor(name, protocol, path, graph string, args ...string) *program {
	return &program{name: name, start: func(dir string, port int) *exec.Cmd {
		ports := []string{"--http_port", strconv.Itoa(port), "--grpc_port", "0"}
		if protocol == rpc {
			ports = []string{"--http_port", "0", "--grpc_port", strconv.Itoa(port)}
		}
		cmd := exec.Command(path, append(append([]string{"--sdep", "d", "--namespace", "n", "--predictor", "p", "--log_level", "ERROR"}, ports...), args...)...)
		predictor := fmt.Sprintf(`{"name":"p","graph":%s}`, graph)
		cmd.Env = []string{"ENGINE_PREDICTOR=" + base64.StdEncoding.EncodeToString([]byte(predictor)), "GOMAXPROCS=1", "RADIANT_PODINFO=" + dir}
		return cmd
	}}
}
