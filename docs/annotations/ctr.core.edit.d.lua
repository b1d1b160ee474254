---@meta ctr.core.edit
-- Made by `make reference`: change it in the schema and in the docstrings.

---@class ctr.editor
local ctr_editor = {}

local ctr_core_edit = {}

---Opens an editor: libedit's, which reads `~/.editrc`.
---@param name string of the program, in that file
---@param input any descriptor of the terminal
---@param output any the same terminal's
---@param history number how many entries are kept in memory
---@return ctr.editor?
---@return ctr.Error? # `SystemError`; `ENOTTY` for a terminal whose cursor cannot be moved
function ctr_core_edit.open(name, input, output, history) end

---Closes the editor, and puts the terminal back.
---@return boolean # true
function ctr_editor:close() end

---Reads a line.
---@param prompt string a `\1` stands before and behind what takes no room in it
---@param events table functions that are called meanwhile with the text before the cursor and behind it; each returns a text to insert at the cursor and lines to write above, or nil: `complete` at the tab key, `ready` when something can be read from the descriptor `fd` of the table
---@return string # the line
---@return any # nil
---@return string # "end" (Ctrl-D, or the terminal is gone) or "interrupted" (Ctrl-C)
function ctr_editor:read(prompt, events) end

---Adds an entry to what the arrow keys and Ctrl-R find.
---@param text string of one line or several
---@return boolean # true
function ctr_editor:remember(text) end

return ctr_core_edit
