"""What is wrong with a file of questions or a row of it, told in Chinese by code: the error's own sentence is English.

Where a row's fault is told, its line stands beside it; where a file's is, its name. A code that isn't here is told in
the error's own words.
"""

from __future__ import annotations

from collections.abc import Mapping

FAULTS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "BATCH_EMPTY": "文件里没有问题。",
        "BATCH_ENCODING": "文件的编码不对：请另存为 UTF-8，或指明编码。",
        "BATCH_NOT_JSONL": "这是一整段 JSON：请每行写一个对象（JSON Lines）。",
        "BATCH_NO_QUESTION_COLUMN": "认不出哪一列是问题：请把那一列命名为“问题”，或指明。",
        "BATCH_ONE_COLUMN": "整个文件按一列读取；如果不止一列，请指明分隔符。",
        "BATCH_UNREADABLE": "文件读不出来：请检查它是否完好。",
        "UNSUPPORTED_FORMAT": "不是能读的问题文件：请存为 xlsx、xlsm、csv、tsv、jsonl 或 txt。",
        "ENCODING_INVALID": "文件里有按这种编码读不出的字节：请指明编码，或另存为 UTF-8。",
        "SHEET_UNKNOWN": "没有这个工作表。",
        "COLUMN_UNKNOWN": "没有这一列。",
        "XLSX_DAMAGED": "工作簿已损坏：请用 Excel 或 LibreOffice 打开后另存。",
        "XLSX_TOO_LARGE": "工作簿太大：请拆成几份。",
        "XLSX_UNSAFE_XML": "工作簿里有不安全的内容，不能读取。",
        "JOBS_FULL": "任务已满：请先删除几个。",
        "CORPUS_CHANGED": "作答期间文章有变动：前面几行的回答来自变动前的文章。",
        "DISK_FULL": "磁盘满了：请腾出空间再继续；已完成的都还在。",
        "ROW_NO_QUESTION": "这一行没有问题。",
        "ROW_NOT_OBJECT": "这一行不是 JSON 对象。",
        "ROW_FIELD_TYPE": "这一行有一项的类型不对。",
        "ROW_FIELD_COUNT": "这一行的列数与表头不符。",
        "ROW_ENCODING": "这一行有按文件的编码读不出的字节。",
        "ROW_NUL": "这一行有空字符（NUL），文件可能已损坏。",
        "ROW_UNTERMINATED_QUOTE": "这一行的引号没有结束。",
        "LINE_TOO_LONG": "这一行太长。",
        "JSON_INVALID": "这一行不是合法的 JSON。",
        "JSON_TOO_DEEP": "这一行的 JSON 嵌套太深。",
        "JSON_DUPLICATE_KEY": "这一行的 JSON 有重复的键。",
        "CELL_MERGED": "这个单元格是合并的：请取消合并，或选择把它的值用于其中每一行。",
        "CELL_FORMULA_NO_VALUE": "这个单元格是公式，文件里没有存它的值：请用 Excel 或 LibreOffice 打开后再存一次。",
        "CELL_ERROR": "这个单元格是错误值。",
        "QUESTION_EMPTY": "问题是空的。",
        "QUESTION_TOO_LONG": "问题太长：请缩短。",
        "QUESTION_NOT_UNICODE": "问题里有不完整的字符。",
    },
    "zh-hant": {
        "BATCH_EMPTY": "檔案裡沒有問題。",
        "BATCH_ENCODING": "檔案的編碼不對：請另存為 UTF-8，或指明編碼。",
        "BATCH_NOT_JSONL": "這是一整段 JSON：請每行寫一個物件（JSON Lines）。",
        "BATCH_NO_QUESTION_COLUMN": "認不出哪一欄是問題：請把那一欄命名為「問題」，或指明。",
        "BATCH_ONE_COLUMN": "整個檔案按一欄讀取；如果不止一欄，請指明分隔符。",
        "BATCH_UNREADABLE": "檔案讀不出來：請檢查它是否完好。",
        "UNSUPPORTED_FORMAT": "不是能讀的問題檔案：請存為 xlsx、xlsm、csv、tsv、jsonl 或 txt。",
        "ENCODING_INVALID": "檔案裡有按這種編碼讀不出的位元組：請指明編碼，或另存為 UTF-8。",
        "SHEET_UNKNOWN": "沒有這個工作表。",
        "COLUMN_UNKNOWN": "沒有這一欄。",
        "XLSX_DAMAGED": "活頁簿已損壞：請用 Excel 或 LibreOffice 打開後另存。",
        "XLSX_TOO_LARGE": "活頁簿太大：請拆成幾份。",
        "XLSX_UNSAFE_XML": "活頁簿裡有不安全的內容，不能讀取。",
        "JOBS_FULL": "任務已滿：請先刪除幾個。",
        "CORPUS_CHANGED": "作答期間文章有變動：前面幾列的回答來自變動前的文章。",
        "DISK_FULL": "磁碟滿了：請騰出空間再繼續；已完成的都還在。",
    },
    "en": {},
}
