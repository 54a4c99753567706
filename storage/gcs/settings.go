package gcs

import "github.com/prime-radiant/radiant/setting"

// Settings are the variables of the environment that Google Cloud Storage is reached by.
func Settings() []setting.Setting {
	const group = "GCS"
	return []setting.Setting{
		{Group: group, Variable: "GOOGLE_APPLICATION_CREDENTIALS", Doc: "file of a service account, a user or a federated workload; otherwise Google's chain: the file of `gcloud`, workload identity, the machine"},
		{Group: group, Variable: "GOOGLE_CLOUD_QUOTA_PROJECT", Doc: "the project that pays"},
		{Group: group, Variable: "STORAGE_EMULATOR_HOST", Doc: "another GCS server, anonymous"},
	}
}
