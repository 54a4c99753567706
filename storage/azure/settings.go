package azure

import "github.com/prime-radiant/radiant/setting"

// Settings are the variables of the environment that Azure Blob Storage is reached by.
func Settings() []setting.Setting {
	const group = "Azure"
	return []setting.Setting{
		{Group: group, Variable: "AZURE_STORAGE_ACCOUNT", Doc: "the account of `azblob://`"},
		{Group: group, Variable: "AZURE_STORAGE_ACCOUNT_NAME", Doc: "the same, after it"},
		{Group: group, Variable: "AZURE_STORAGE_BLOB_ENDPOINT", Doc: "its URL, if it is not at Azure's usual place"},
		{Group: group, Variable: "AZURE_STORAGE_SERVICE_ENDPOINT", Doc: "the same, after it"},
		{Group: group, Variable: "AZURE_STORAGE_KEY", Doc: "key of the account; otherwise Azure's chain: workload identity, managed identity, `az`"},
		{Group: group, Variable: "AZURE_STORAGE_ACCOUNT_KEY", Doc: "the same, after it"},
		{Group: group, Variable: "AZURE_STORAGE_ACCESS_KEY", Doc: "the same, after both"},
		{Group: group, Variable: "AZURE_STORAGE_SAS_TOKEN", Doc: "a shared access signature"},
		{Group: group, Variable: "AZURE_STORAGE_CONNECTION_STRING", Doc: "all of these in one"},
		{Group: group, Variable: "AZURE_TENANT_ID", Doc: "tenant of an identity"},
		{Group: group, Variable: "AZ_TENANT_ID", Doc: "the same, as KServe writes it"},
		{Group: group, Variable: "AZURE_CLIENT_ID", Doc: "the identity"},
		{Group: group, Variable: "AZ_CLIENT_ID", Doc: "the same, as KServe writes it"},
		{Group: group, Variable: "AZURE_CLIENT_SECRET", Doc: "its secret"},
		{Group: group, Variable: "AZ_CLIENT_SECRET", Doc: "the same, as KServe writes it"},
		{Group: group, Variable: "AZURE_FEDERATED_TOKEN_FILE", Doc: "set by workload identity"},
	}
}
