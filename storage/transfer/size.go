package transfer

import "fmt"

// Size spells a number of bytes for people.
func Size(n int64) string {
	const units = "kMGTPE"
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n)/1000, 0
	for value >= 999.95 && unit < len(units)-1 {
		value, unit = value/1000, unit+1
	}
	return fmt.Sprintf("%.1f %cB", value, units[unit])
}

// Room is how many bytes a folder has room for; false where its file system does not say.
func Room(dir string) (bytes int64, known bool) {
	bytes, _ = free(dir)
	return bytes, bytes >= 0
}
