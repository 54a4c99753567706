package registry

import "github.com/prime-radiant/radiant/setting"

// Settings are the variables of the environment that registries are reached by.
func Settings() []setting.Setting {
	const group = "Registries"
	return []setting.Setting{
		{Group: group, Variable: "REGISTRY_AUTH_FILE", Doc: "file of `docker login`, with its helpers"},
		{Group: group, Variable: "DOCKER_CONFIG", Value: "~/.docker", Doc: "folder of that file"},
		{Group: group, Variable: PlainHTTP, Doc: "registries without TLS, with commas; those of this machine need not be listed"},
	}
}
