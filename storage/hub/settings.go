package hub

import "github.com/prime-radiant/radiant/setting"

// Settings are the variables of the environment that Hugging Face is reached by.
func Settings() []setting.Setting {
	const group = "Hugging Face"
	return []setting.Setting{
		{Group: group, Variable: "HF_TOKEN", Doc: "token; otherwise the file that `hf auth login` writes"},
		{Group: group, Variable: "HUGGING_FACE_HUB_TOKEN", Doc: "the same, after it"},
		{Group: group, Variable: "HUGGINGFACEHUB_API_TOKEN", Doc: "the same, after both"},
		{Group: group, Variable: "HF_TOKEN_PATH", Doc: "another place of that file"},
		{Group: group, Variable: "HF_ENDPOINT", Value: service, Doc: "another server with the interface of Hugging Face"},
		{Group: group, Variable: "HF_HUB_OFFLINE", Value: "0", Doc: "1: no network, what is in the cache is copied"},
		{Group: group, Variable: "HF_HUB_CACHE", Value: "~/.cache/huggingface/hub", Doc: "that cache"},
		{Group: group, Variable: "HUGGINGFACE_HUB_CACHE", Doc: "the same, after it"},
		{Group: group, Variable: "HF_HOME", Value: "~/.cache/huggingface", Doc: "the folder of token and cache"},
	}
}
